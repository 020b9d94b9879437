//! The statements on the table of categories.

use super::error::DbError;
use super::page::listed;
use crate::domain::category::{Category, CategoryId, CategoryInput};
use crate::domain::id::Id;
use crate::domain::page::{Listed, Page, Unfiltered};
use crate::domain::scope::{Change, Changed};
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
            id: Id::from_database(row.id),
            name: row.name,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// The category with this id; `None` where there is none.
pub async fn get(db: &mut PgConnection, id: CategoryId) -> Result<Option<Category>, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "SELECT id, name, created_at, updated_at FROM categories WHERE id = $1",
        id.get()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Category::from))
}

/// Inserts a category, under this id if there is one, and returns it.
pub async fn insert(
    db: &mut PgConnection,
    new_id: Option<i64>,
    input: &CategoryInput,
) -> Result<Changed<Category>, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "INSERT INTO categories (id, name) OVERRIDING SYSTEM VALUE
         VALUES (coalesce($2, nextval('categories_id_seq')), $1) RETURNING id, name, created_at, updated_at",
        input.name.as_str(),
        new_id
    )
    .fetch_one(db)
    .await?;
    Ok(Changed::by([Change::CategoryCreated], row.into()))
}

/// Updates the category with this id; [`DbError::NotFound`] where there is none.
pub async fn update(
    db: &mut PgConnection,
    id: CategoryId,
    input: &CategoryInput,
) -> Result<Changed<Category>, DbError> {
    let row = sqlx::query_as!(
        CategoryRow,
        "UPDATE categories SET name = $2, updated_at = now() WHERE id = $1
         RETURNING id, name, created_at, updated_at",
        id.get(),
        input.name.as_str()
    )
    .fetch_optional(db)
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Changed::by([Change::Category], row.into()))
}

/// Deletes the category with this id and removes its tasks from it; [`DbError::NotFound`] where there is none.
pub async fn delete(db: &mut PgConnection, id: CategoryId) -> Result<Changed<()>, DbError> {
    let done = sqlx::query!("DELETE FROM categories WHERE id = $1", id.get())
        .execute(db)
        .await?;
    match done.rows_affected() {
        0 => Err(DbError::NotFound),
        _ => Ok(Changed::by([Change::Category], ())),
    }
}

/// A page of the categories, the newest first, and their total, in one snapshot.
pub async fn list(
    db: &mut PgConnection,
    _: &Unfiltered<Category>,
    page: Page,
) -> Result<Listed<Category>, DbError> {
    struct ListRow {
        total: i64,
        id: Option<i64>,
        name: Option<String>,
        created_at: Option<DateTime<Utc>>,
        updated_at: Option<DateTime<Utc>>,
    }

    let rows = sqlx::query_as!(
        ListRow,
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
    let item = |row: ListRow| {
        Some(Category {
            id: Id::from_database(row.id?),
            name: row.name?,
            created_at: row.created_at?.into(),
            updated_at: row.updated_at?.into(),
        })
    };
    Ok(listed(rows, |row| row.total, item))
}
