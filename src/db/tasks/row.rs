//! The row of a task, as it comes from the database.

use crate::domain::category::Category;
use crate::domain::id::Id;
use crate::domain::scope::Place;
use crate::domain::task::{Task, TaskStatus};
use crate::domain::user::User;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};

/// A task joined with its user and category, as it comes from the database.
pub(super) struct TaskRow {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) status: TaskStatus,
    pub(super) user_id: Option<i64>,
    pub(super) category_id: Option<i64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) user_name: Option<String>,
    pub(super) user_email: Option<String>,
    pub(super) user_created_at: Option<DateTime<Utc>>,
    pub(super) user_updated_at: Option<DateTime<Utc>>,
    pub(super) category_name: Option<String>,
    pub(super) category_created_at: Option<DateTime<Utc>>,
    pub(super) category_updated_at: Option<DateTime<Utc>>,
    /// The user before an update.
    pub(super) old_user_id: Option<i64>,
    /// The category before an update.
    pub(super) old_category_id: Option<i64>,
}

impl TaskRow {
    /// The place of the task before an update.
    pub(super) fn old_place(&self) -> Place {
        place(self.old_user_id, self.old_category_id)
    }
}

/// The place of a task with these references.
pub(super) fn place(user_id: Option<i64>, category_id: Option<i64>) -> Place {
    Place {
        user_id: user_id.map(Id::from_database),
        category_id: category_id.map(Id::from_database),
    }
}

impl FromRow<'_, PgRow> for TaskRow {
    /// Reads a row of [`super::list_statement`] by the places of its columns and without comparing their
    /// types, as sqlx's macros do: finding and comparing costs more than decoding.
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        // Fields are evaluated in the order in which they are written, which is the statement's; the
        // total stands before them.
        let mut place = 0;
        let mut next = || {
            place += 1;
            place
        };
        Ok(Self {
            id: row.try_get_unchecked(next())?,
            title: row.try_get_unchecked(next())?,
            description: row.try_get_unchecked(next())?,
            status: row.try_get_unchecked(next())?,
            user_id: row.try_get_unchecked(next())?,
            category_id: row.try_get_unchecked(next())?,
            created_at: row.try_get_unchecked(next())?,
            updated_at: row.try_get_unchecked(next())?,
            user_name: row.try_get_unchecked(next())?,
            user_email: row.try_get_unchecked(next())?,
            user_created_at: row.try_get_unchecked(next())?,
            user_updated_at: row.try_get_unchecked(next())?,
            category_name: row.try_get_unchecked(next())?,
            category_created_at: row.try_get_unchecked(next())?,
            category_updated_at: row.try_get_unchecked(next())?,
            old_user_id: None,
            old_category_id: None,
        })
    }
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        // A joined row is there as a whole or not at all.
        let user = || {
            Some(User {
                id: Id::from_database(row.user_id?),
                name: row.user_name?,
                email: row.user_email?,
                created_at: row.user_created_at?.into(),
                updated_at: row.user_updated_at?.into(),
            })
        };
        let category = || {
            Some(Category {
                id: Id::from_database(row.category_id?),
                name: row.category_name?,
                created_at: row.category_created_at?.into(),
                updated_at: row.category_updated_at?.into(),
            })
        };
        Self {
            user: user(),
            category: category(),
            id: Id::from_database(row.id),
            title: row.title,
            description: row.description,
            status: row.status,
            user_id: row.user_id.map(Id::from_database),
            category_id: row.category_id.map(Id::from_database),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}
