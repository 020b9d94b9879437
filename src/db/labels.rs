//! The statements on the table of labels.

use super::error::DbError;
use super::page::listed;
use crate::domain::id::Id;
use crate::domain::label::{Label, LabelId, LabelUpdate, NewLabel};
use crate::domain::page::{Listed, Page, Unfiltered};
use crate::domain::scope::{Change, Changed};
use crate::domain::text::{LabelColor, LabelName};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

struct LabelRow {
    id: i64,
    name: String,
    color: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<LabelRow> for Label {
    fn from(row: LabelRow) -> Self {
        Self {
            id: Id::from_database(row.id),
            name: row.name,
            color: row.color,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// The label with this id; `None` where there is none.
pub async fn get(db: &mut PgConnection, id: LabelId) -> Result<Option<Label>, DbError> {
    let row = sqlx::query_as!(
        LabelRow,
        "SELECT id, name, color, created_at, updated_at FROM labels WHERE id = $1",
        id.get()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Label::from))
}

/// Inserts a label, under this id if there is one.
pub async fn insert(
    db: &mut PgConnection,
    new_id: Option<i64>,
    label: &NewLabel,
) -> Result<Changed<Label>, DbError> {
    let row = sqlx::query_as!(
        LabelRow,
        "INSERT INTO labels (id, name, color) OVERRIDING SYSTEM VALUE
         VALUES (coalesce($3, nextval('labels_id_seq')), $1, $2)
         RETURNING id, name, color, created_at, updated_at",
        label.name.as_str(),
        label.color.as_ref().map(LabelColor::as_str),
        new_id
    )
    .fetch_one(db)
    .await?;
    Ok(Changed::by([Change::Label], row.into()))
}

/// Updates what is given of the label with this id; [`DbError::NotFound`] where there is none.
pub async fn update(
    db: &mut PgConnection,
    id: LabelId,
    update: &LabelUpdate,
) -> Result<Changed<Label>, DbError> {
    let LabelUpdate { name, color } = update;
    let row = sqlx::query_as!(
        LabelRow,
        "UPDATE labels SET
             name = coalesce($2, name),
             color = CASE WHEN $3 THEN $4 ELSE color END,
             updated_at = now()
         WHERE id = $1
         RETURNING id, name, color, created_at, updated_at",
        id.get(),
        name.as_ref().map(LabelName::as_str),
        color.is_some(),
        color.iter().flatten().next().map(LabelColor::as_str)
    )
    .fetch_optional(db)
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Changed::by([Change::Label], row.into()))
}

/// Deletes the label with this id; [`DbError::NotFound`] where there is none.
pub async fn delete(db: &mut PgConnection, id: LabelId) -> Result<Changed<()>, DbError> {
    let done = sqlx::query!("DELETE FROM labels WHERE id = $1", id.get())
        .execute(db)
        .await?;
    match done.rows_affected() {
        0 => Err(DbError::NotFound),
        _ => Ok(Changed::by([Change::Label], ())),
    }
}

/// One page of the labels, the newest first, and how many there are, both in one snapshot.
pub async fn list(
    db: &mut PgConnection,
    _: &Unfiltered<Label>,
    page: Page,
) -> Result<Listed<Label>, DbError> {
    struct ListRow {
        total: i64,
        id: Option<i64>,
        name: Option<String>,
        color: Option<String>,
        created_at: Option<DateTime<Utc>>,
        updated_at: Option<DateTime<Utc>>,
    }

    let rows = sqlx::query_as!(
        ListRow,
        r#"SELECT c.total AS "total!", p.id AS "id?", p.name AS "name?", p.color AS "color?",
                  p.created_at AS "created_at?", p.updated_at AS "updated_at?"
           FROM (SELECT sum(n)::bigint AS total FROM row_counts WHERE counted = 'labels') c
           LEFT JOIN (
               SELECT * FROM labels ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
           ) p ON true
           ORDER BY p.created_at DESC, p.id DESC"#,
        page.limit,
        page.offset()
    )
    .fetch_all(db)
    .await?;
    let item = |row: ListRow| {
        Some(Label {
            id: Id::from_database(row.id?),
            name: row.name?,
            color: row.color,
            created_at: row.created_at?.into(),
            updated_at: row.updated_at?.into(),
        })
    };
    Ok(listed(rows, |row| row.total, item))
}
