//! The statements on the table of users.

use super::error::DbError;
use super::page::listed;
use crate::domain::id::Id;
use crate::domain::page::{Listed, Page, Unfiltered};
use crate::domain::scope::{Change, Changed};
use crate::domain::text::{EmailAddress, UserName};
use crate::domain::user::{User, UserId};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

struct UserRow {
    id: i64,
    name: String,
    email: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: Id::from_database(row.id),
            name: row.name,
            email: row.email,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// The user with this id; `None` where there is none.
pub async fn get(db: &mut PgConnection, id: UserId) -> Result<Option<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "SELECT id, name, email, created_at, updated_at FROM users WHERE id = $1",
        id.get()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(User::from))
}

/// Inserts a user, under this id if there is one, with the hash of its password, and returns it.
pub async fn insert(
    db: &mut PgConnection,
    new_id: Option<i64>,
    name: &UserName,
    email: &EmailAddress,
    password_hash: &str,
) -> Result<Changed<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "INSERT INTO users (id, name, email, password_hash) OVERRIDING SYSTEM VALUE
         VALUES (coalesce($4, nextval('users_id_seq')), $1, $2, $3)
         RETURNING id, name, email, created_at, updated_at",
        name.as_str(),
        email.as_str(),
        password_hash,
        new_id
    )
    .fetch_one(db)
    .await?;
    Ok(Changed::by([Change::UserCreated], row.into()))
}

/// Updates the given fields of the user with this id; [`DbError::NotFound`] where there is none.
pub async fn update(
    db: &mut PgConnection,
    id: UserId,
    name: Option<&UserName>,
    email: Option<&EmailAddress>,
    password_hash: Option<&str>,
) -> Result<Changed<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "UPDATE users SET
             name = coalesce($2, name),
             email = coalesce($3, email),
             password_hash = coalesce($4, password_hash),
             updated_at = now()
         WHERE id = $1
         RETURNING id, name, email, created_at, updated_at",
        id.get(),
        name.map(UserName::as_str),
        email.map(EmailAddress::as_str),
        password_hash
    )
    .fetch_optional(db)
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Changed::by([Change::User], row.into()))
}

/// Deletes the user with this id and removes it from its tasks; [`DbError::NotFound`] where there is none.
pub async fn delete(db: &mut PgConnection, id: UserId) -> Result<Changed<()>, DbError> {
    let done = sqlx::query!("DELETE FROM users WHERE id = $1", id.get())
        .execute(db)
        .await?;
    match done.rows_affected() {
        0 => Err(DbError::NotFound),
        _ => Ok(Changed::by([Change::User], ())),
    }
}

/// A page of the users, the newest first, and their total, in one snapshot.
pub async fn list(
    db: &mut PgConnection,
    _: &Unfiltered<User>,
    page: Page,
) -> Result<Listed<User>, DbError> {
    struct ListRow {
        total: i64,
        id: Option<i64>,
        name: Option<String>,
        email: Option<String>,
        created_at: Option<DateTime<Utc>>,
        updated_at: Option<DateTime<Utc>>,
    }

    let rows = sqlx::query_as!(
        ListRow,
        r#"SELECT c.total AS "total!", p.id AS "id?", p.name AS "name?", p.email AS "email?",
                  p.created_at AS "created_at?", p.updated_at AS "updated_at?"
           FROM (SELECT sum(n)::bigint AS total FROM row_counts WHERE counted = 'users') c
           LEFT JOIN (
               SELECT * FROM users ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
           ) p ON true
           ORDER BY p.created_at DESC, p.id DESC"#,
        page.limit,
        page.offset()
    )
    .fetch_all(db)
    .await?;
    let item = |row: ListRow| {
        Some(User {
            id: Id::from_database(row.id?),
            name: row.name?,
            email: row.email?,
            created_at: row.created_at?.into(),
            updated_at: row.updated_at?.into(),
        })
    };
    Ok(listed(rows, |row| row.total, item))
}
