//! The statements of the import: many rows at once, each batch in one transaction.

use super::{DbError, connect_options};
use crate::domain::import::{ImportRow, KeyedRow};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::collections::HashSet;

/// What imports lock while they load a batch, so that two at once do not both create a category.
const LOCK: i64 = 0x7461_736b_666c_6565;
/// How often a batch is tried that lost a race against a writer of the API.
const ATTEMPTS: u32 = 5;

/// A connection for an import, whose statements may take longer than those of a request.
pub async fn connect(url: &PgConnectOptions) -> Result<PgConnection, DbError> {
    let options = connect_options(url)
        .application_name("taskfleet import")
        .options([("statement_timeout", "60s"), ("lock_timeout", "60s")]);
    Ok(options.connect().await?)
}

/// Adds those of these rows whose keys are not there yet, with the users and categories that they
/// need, or none of them; returns how many it added.
pub async fn insert_missing(
    connection: &mut PgConnection,
    rows: &[KeyedRow],
) -> Result<u64, DbError> {
    let mut attempt = 1;
    loop {
        match try_insert_missing(connection, rows).await {
            Err(error) if attempt < ATTEMPTS && lost_a_race(&error) => attempt += 1,
            done => return done,
        }
    }
}

/// Whether somebody deleted a user or a category just when it was to be used, or waited for us
/// while we waited for them.
fn lost_a_race(error: &DbError) -> bool {
    match error {
        DbError::UnknownUser | DbError::UnknownCategory => true,
        DbError::Unavailable(sqlx::Error::Database(cause)) => {
            cause.code().is_some_and(|code| code.starts_with("40"))
        }
        _ => false,
    }
}

async fn try_insert_missing(
    connection: &mut PgConnection,
    rows: &[KeyedRow],
) -> Result<u64, DbError> {
    let mut transaction = connection.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut *transaction)
        .await?;

    // What is there already is left out before anything else, so that a second import brings back
    // no user or category that was deleted or renamed since the first.
    let keys: Vec<&[u8]> = rows.iter().map(|row| row.key.as_slice()).collect();
    let there = sqlx::query_scalar!(
        r#"SELECT import_key AS "key!" FROM tasks
           WHERE import_key IS NOT NULL AND import_key = ANY ($1)"#,
        &keys as &[&[u8]]
    )
    .fetch_all(&mut *transaction)
    .await?;
    let there: HashSet<Vec<u8>> = there.into_iter().collect();
    let missing: Vec<&KeyedRow> = rows
        .iter()
        .filter(|row| !there.contains(row.key.as_slice()))
        .collect();
    if missing.is_empty() {
        // By hand, because the lock would be kept until the connection is used next.
        transaction.rollback().await?;
        return Ok(0);
    }

    let rows: Vec<&ImportRow> = missing.iter().map(|keyed| &keyed.row).collect();
    insert_users(&mut transaction, &rows).await?;
    insert_categories(&mut transaction, &rows).await?;
    let inserted = insert_tasks(&mut transaction, &missing).await?;
    transaction.commit().await?;
    Ok(inserted)
}

/// Adds the users that are not there. Of several rows with one address, the first names the user.
async fn insert_users(transaction: &mut PgConnection, rows: &[&ImportRow]) -> Result<(), DbError> {
    let names: Vec<&str> = rows.iter().map(|row| row.user_name.as_str()).collect();
    let emails: Vec<&str> = rows.iter().map(|row| row.user_email.as_str()).collect();
    sqlx::query!(
        "INSERT INTO users (name, email)
         SELECT name, email
         FROM (SELECT DISTINCT ON (lower(email)) name, email, place
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS rows (name, email, place)
               ORDER BY lower(email), place) AS wanted
         WHERE NOT EXISTS (SELECT FROM users WHERE lower(users.email) = lower(wanted.email))
         ORDER BY place
         ON CONFLICT (lower(email)) DO NOTHING",
        &names as &[&str],
        &emails as &[&str]
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Adds the categories that are not there.
async fn insert_categories(
    transaction: &mut PgConnection,
    rows: &[&ImportRow],
) -> Result<(), DbError> {
    let names: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.category.as_deref())
        .collect();
    sqlx::query!(
        "INSERT INTO categories (name)
         SELECT name
         FROM (SELECT name, min(place) AS place
               FROM unnest($1::text[]) WITH ORDINALITY AS rows (name, place)
               GROUP BY name) AS wanted
         WHERE NOT EXISTS (SELECT FROM categories WHERE categories.name = wanted.name)
         ORDER BY place",
        &names as &[&str]
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Adds the tasks, in the order of the rows. Joined to the left, because no row may get lost: a
/// user that is deleted at this moment leaves the task without one, as it would a moment later.
async fn insert_tasks(transaction: &mut PgConnection, rows: &[&KeyedRow]) -> Result<u64, DbError> {
    let keys: Vec<&[u8]> = rows.iter().map(|keyed| keyed.key.as_slice()).collect();
    let rows = || rows.iter().map(|keyed| &keyed.row);
    let titles: Vec<_> = rows().map(|row| row.title.as_str()).collect();
    let descriptions: Vec<_> = rows().map(|row| row.description.as_deref()).collect();
    let statuses: Vec<_> = rows().map(|row| row.status.as_str()).collect();
    let categories: Vec<_> = rows().map(|row| row.category.as_deref()).collect();
    let emails: Vec<_> = rows().map(|row| row.user_email.as_str()).collect();
    let times: Vec<_> = rows().map(|row| row.created_at.0).collect();
    let done = sqlx::query!(
        "INSERT INTO tasks (title, description, status, user_id, category_id,
                            created_at, updated_at, import_key)
         SELECT rows.title, rows.description, rows.status, users.id, named.id,
                rows.created_at, rows.created_at, rows.import_key
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                     $6::timestamptz[], $7::bytea[]) WITH ORDINALITY
              AS rows (title, description, status, category, email, created_at, import_key, place)
         LEFT JOIN users ON lower(users.email) = lower(rows.email)
         LEFT JOIN (SELECT name, min(id) AS id FROM categories
                    WHERE name = ANY ($4) GROUP BY name) AS named ON named.name = rows.category
         ORDER BY place
         ON CONFLICT (import_key) WHERE import_key IS NOT NULL DO NOTHING",
        &titles as &[&str],
        &descriptions as &[Option<&str>],
        &statuses as &[&str],
        &categories as &[Option<&str>],
        &emails as &[&str],
        &times,
        &keys as &[&[u8]]
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected())
}
