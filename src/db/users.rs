//! The statements about users.

use super::DbError;
use crate::domain::page::{Listed, Page};
use crate::domain::user::User;
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
            id: row.id,
            name: row.name,
            email: row.email,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// One user; `None` where there is none with this id.
pub async fn get(db: &mut PgConnection, id: i64) -> Result<Option<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "SELECT id, name, email, created_at, updated_at FROM users WHERE id = $1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(User::from))
}

/// Adds a user with the hash of its password.
pub async fn insert(
    db: &mut PgConnection,
    name: &str,
    email: &str,
    password_hash: &str,
) -> Result<User, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "INSERT INTO users (name, email, password_hash) VALUES ($1, $2, $3)
         RETURNING id, name, email, created_at, updated_at",
        name,
        email,
        password_hash
    )
    .fetch_one(db)
    .await?;
    Ok(row.into())
}

/// Changes a user, whatever is given of it; `None` where there is none with this id.
pub async fn update(
    db: &mut PgConnection,
    id: i64,
    name: Option<&str>,
    email: Option<&str>,
    password_hash: Option<&str>,
) -> Result<Option<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "UPDATE users SET
             name = coalesce($2, name),
             email = coalesce($3, email),
             password_hash = coalesce($4, password_hash),
             updated_at = now()
         WHERE id = $1
         RETURNING id, name, email, created_at, updated_at",
        id,
        name,
        email,
        password_hash
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(User::from))
}

/// Removes a user and takes it off its tasks; false where there is none with this id.
pub async fn delete(db: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM users WHERE id = $1", id)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// One page of the users, the newest first, and how many there are, both as of one moment.
pub async fn list(db: &mut PgConnection, page: Page) -> Result<Listed<User>, DbError> {
    let rows = sqlx::query!(
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
    // A page beyond the end is one row that holds nothing but the total.
    Ok(Listed {
        total: rows.first().map_or(0, |row| row.total),
        items: rows
            .into_iter()
            .filter_map(|row| {
                Some(User {
                    id: row.id?,
                    name: row.name?,
                    email: row.email?,
                    created_at: row.created_at?.into(),
                    updated_at: row.updated_at?.into(),
                })
            })
            .collect(),
    })
}
