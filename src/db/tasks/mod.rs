//! The statements on the table of tasks.

mod list;
mod row;

pub use list::{list, list_statement};

use super::error::DbError;
use crate::domain::id::Id;
use crate::domain::scope::{Change, Changed, Place};
use crate::domain::task::{NewTask, Task, TaskId, TaskStatus, TaskUpdate};
use crate::domain::text::{Description, Title};
use row::{TaskRow, place};
use sqlx::postgres::PgConnection;

/// A statement that yields tasks, with their users and categories before it, joined with what they refer
/// to.
macro_rules! joined {
    ($statement:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            TaskRow,
            "WITH t AS (" + $statement + ") "
                + r#"SELECT t.id AS "id!", t.title AS "title!", t.description,
                            t.status AS "status!: TaskStatus", t.user_id, t.category_id,
                            t.created_at AS "created_at!", t.updated_at AS "updated_at!",
                            u.name AS "user_name?", u.email AS "user_email?",
                            u.created_at AS "user_created_at?", u.updated_at AS "user_updated_at?",
                            c.name AS "category_name?", c.created_at AS "category_created_at?",
                            c.updated_at AS "category_updated_at?",
                            t.old_user_id, t.old_category_id
                     FROM t
                     LEFT JOIN users u ON u.id = t.user_id
                     LEFT JOIN categories c ON c.id = t.category_id"#,
            $($argument),*
        )
    };
}

/// The task with this id; `None` where there is none.
pub async fn get(db: &mut PgConnection, id: TaskId) -> Result<Option<Task>, DbError> {
    let row = joined!(
        "SELECT *, NULL::bigint AS old_user_id, NULL::bigint AS old_category_id
         FROM tasks WHERE id = $1",
        id.get()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Task::from))
}

/// Inserts a task, under this id if there is one, and returns it with its user and category.
pub async fn insert(
    db: &mut PgConnection,
    new_id: Option<i64>,
    task: &NewTask,
) -> Result<Changed<Task>, DbError> {
    let row = joined!(
        "INSERT INTO tasks (id, title, description, status, user_id, category_id)
         OVERRIDING SYSTEM VALUE
         VALUES (coalesce($6, nextval('tasks_id_seq')), $1, $2, $3, $4, $5)
         RETURNING *, NULL::bigint AS old_user_id, NULL::bigint AS old_category_id",
        task.title.as_str(),
        task.description.as_ref().map(Description::as_str),
        task.status as TaskStatus,
        task.user_id.get(),
        task.category_id.map(Id::get),
        new_id,
    )
    .fetch_one(db)
    .await?;
    let task = Task::from(row);
    let change = Change::Task {
        before: None,
        after: Some(Place::from(&task)),
    };
    Ok(Changed::by([change], task))
}

/// Updates the given fields of the task with this id; [`DbError::NotFound`] where there is none.
pub async fn update(
    db: &mut PgConnection,
    id: TaskId,
    update: &TaskUpdate,
) -> Result<Changed<Task>, DbError> {
    let TaskUpdate {
        title,
        description,
        status,
        user_id,
        category_id,
    } = update;
    let row = joined!(
        "UPDATE tasks SET
             title = coalesce($2, title),
             description = CASE WHEN $3 THEN $4 ELSE description END,
             status = coalesce($5, status),
             user_id = CASE WHEN $6 THEN $7 ELSE user_id END,
             category_id = CASE WHEN $8 THEN $9 ELSE category_id END,
             updated_at = now()
         FROM (SELECT id AS old_id, user_id AS old_user_id, category_id AS old_category_id
               FROM tasks WHERE id = $1 FOR UPDATE) old
         WHERE id = old_id RETURNING tasks.*, old_user_id, old_category_id",
        id.get(),
        title.as_ref().map(Title::as_str),
        description.is_some(),
        description.iter().flatten().next().map(Description::as_str),
        *status as Option<TaskStatus>,
        user_id.is_some(),
        user_id.flatten().map(Id::get),
        category_id.is_some(),
        category_id.flatten().map(Id::get),
    )
    .fetch_optional(db)
    .await?
    .ok_or(DbError::NotFound)?;
    let before = Some(row.old_place());
    let task = Task::from(row);
    let after = Some(Place::from(&task));
    Ok(Changed::by([Change::Task { before, after }], task))
}

/// Deletes the task with this id; [`DbError::NotFound`] where there is none.
pub async fn delete(db: &mut PgConnection, id: TaskId) -> Result<Changed<()>, DbError> {
    let row = sqlx::query!(
        "DELETE FROM tasks WHERE id = $1 RETURNING user_id, category_id",
        id.get()
    )
    .fetch_optional(db)
    .await?
    .ok_or(DbError::NotFound)?;
    let change = Change::Task {
        before: Some(place(row.user_id, row.category_id)),
        after: None,
    };
    Ok(Changed::by([change], ()))
}
