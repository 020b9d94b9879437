//! The statements of the import: many rows at once, each batch in one transaction.

use super::error::DbError;
use crate::domain::id::Id;
use crate::domain::import_row::{ImportRow, KeyedRow};
use crate::domain::scope::{Change, Changed, Place};
use crate::domain::text::{CategoryName, Description};
use sqlx::postgres::PgConnection;
use std::collections::HashSet;

/// The advisory lock that an import holds while it loads a batch, so that two imports at once do not
/// both create a category.
const LOCK: i64 = 0x7461_736b_666c_6565;

/// Whether a batch failed only because a user or a category was deleted just when it was to be used, or
/// because of a deadlock with a request: tried again, it may succeed.
pub fn is_lost_race(error: &DbError) -> bool {
    matches!(error, DbError::UnknownReference(_)) || error.is_deadlock()
}

/// Inserts the tasks of these rows whose import keys are not there yet, with the users and categories
/// that they need, and returns the number of tasks, with the scopes that
/// this changed. To be run in a transaction.
pub async fn insert_missing(
    transaction: &mut PgConnection,
    rows: &[KeyedRow],
) -> Result<Changed<u64>, DbError> {
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
        return Ok(Changed::nothing(0));
    }

    let rows: Vec<&ImportRow> = missing.iter().map(|keyed| &keyed.row).collect();
    let users = insert_users(transaction, &rows).await?;
    let categories = insert_categories(transaction, &rows).await?;
    let places = insert_tasks(transaction, &missing).await?;
    let tasks = places.iter().map(|place| Change::Task {
        before: None,
        after: Some(*place),
    });
    let created = [
        (users > 0).then_some(Change::UserCreated),
        (categories > 0).then_some(Change::CategoryCreated),
    ];
    let changes = tasks.chain(created.into_iter().flatten());
    Ok(Changed::by(changes, places.len() as u64))
}

/// Adds the users that are not there. Of several rows with one e-mail address, the first names the
/// user. Returns the number of those that were added.
async fn insert_users(transaction: &mut PgConnection, rows: &[&ImportRow]) -> Result<u64, DbError> {
    let names: Vec<&str> = rows.iter().map(|row| row.user_name.as_str()).collect();
    let emails: Vec<&str> = rows.iter().map(|row| row.user_email.as_str()).collect();
    let done = sqlx::query!(
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
    Ok(done.rows_affected())
}

/// Adds the categories that are not there, and returns their number.
async fn insert_categories(
    transaction: &mut PgConnection,
    rows: &[&ImportRow],
) -> Result<u64, DbError> {
    let names: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.category.as_ref().map(CategoryName::as_str))
        .collect();
    let done = sqlx::query!(
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
    Ok(done.rows_affected())
}

/// Adds the tasks, in the order of the rows. Joined to the left, because no row may get lost: a
/// user that is deleted at this moment leaves the task without one, as it would a moment later.
///
/// Returns the place of each task that was added.
async fn insert_tasks(
    transaction: &mut PgConnection,
    rows: &[&KeyedRow],
) -> Result<Vec<Place>, DbError> {
    let keys: Vec<&[u8]> = rows.iter().map(|keyed| keyed.key.as_slice()).collect();
    let rows = || rows.iter().map(|keyed| &keyed.row);
    let titles: Vec<_> = rows().map(|row| row.title.as_str()).collect();
    let descriptions: Vec<_> = rows()
        .map(|row| row.description.as_ref().map(Description::as_str))
        .collect();
    let statuses: Vec<_> = rows().map(|row| row.status.as_str()).collect();
    let categories: Vec<_> = rows()
        .map(|row| row.category.as_ref().map(CategoryName::as_str))
        .collect();
    let emails: Vec<_> = rows().map(|row| row.user_email.as_str()).collect();
    let times: Vec<_> = rows().map(|row| row.created_at.0).collect();
    let added = sqlx::query!(
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
         ON CONFLICT (import_key) WHERE import_key IS NOT NULL DO NOTHING
         RETURNING user_id, category_id",
        &titles as &[&str],
        &descriptions as &[Option<&str>],
        &statuses as &[&str],
        &categories as &[Option<&str>],
        &emails as &[&str],
        &times,
        &keys as &[&[u8]]
    )
    .fetch_all(transaction)
    .await?;
    let places = added.into_iter().map(|row| Place {
        user_id: row.user_id.map(Id::from_database),
        category_id: row.category_id.map(Id::from_database),
    });
    Ok(places.collect())
}
