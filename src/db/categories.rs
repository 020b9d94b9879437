//! The statements about categories.

use super::DbError;
use crate::domain::category::{Category, CategoryInput};
use crate::domain::page::{Listed, Page};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

struct CategoryRow {
    id: i64,
    name: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<CategoryRow> for Category {
    fn from(row: CategoryRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// One category; `None` where there is none with this id.
pub async fn get(db: &mut PgConnection, id: i64) -> Result<Option<Category>, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "SELECT id, name, created_at, updated_at FROM categories WHERE id = $1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Category::from))
}

/// Adds a category.
pub async fn insert(db: &mut PgConnection, input: &CategoryInput) -> Result<Category, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "INSERT INTO categories (name) VALUES ($1) RETURNING id, name, created_at, updated_at",
        input.name
    )
    .fetch_one(db)
    .await?;
    Ok(row.into())
}

/// Changes a category; `None` where there is none with this id.
pub async fn update(
    db: &mut PgConnection,
    id: i64,
    input: &CategoryInput,
) -> Result<Option<Category>, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "UPDATE categories SET name = $2, updated_at = now() WHERE id = $1
         RETURNING id, name, created_at, updated_at",
        id,
        input.name
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Category::from))
}

/// Removes a category and takes its tasks out of it; false where there is none with this id.
pub async fn delete(db: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM categories WHERE id = $1", id)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// One page of the categories, the newest first, and how many there are, both as of one moment.
pub async fn list(db: &mut PgConnection, page: Page) -> Result<Listed<Category>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT c.total AS "total!", p.id AS "id?", p.name AS "name?",
                  p.created_at AS "created_at?", p.updated_at AS "updated_at?"
           FROM (SELECT sum(n)::bigint AS total FROM row_counts WHERE counted = 'categories') c
           LEFT JOIN (
               SELECT * FROM categories ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
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
                Some(Category {
                    id: row.id?,
                    name: row.name?,
                    created_at: row.created_at?.into(),
                    updated_at: row.updated_at?.into(),
                })
            })
            .collect(),
    })
}
