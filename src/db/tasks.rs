//! The statements on the table of tasks.

use super::connection::planned_for_values;
use super::error::DbError;
use crate::domain::category::Category;
use crate::domain::id::Id;
use crate::domain::page::{Listed, Order, Page};
use crate::domain::scope::{Change, Changed, Place};
use crate::domain::task::{NewTask, Task, TaskFilter, TaskId, TaskStatus, TaskUpdate};
use crate::domain::text::{Description, SearchText, Title};
use crate::domain::user::User;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{FromRow, QueryBuilder, Row};

/// A task joined with its user and category, as it comes from the database.
struct TaskRow {
    id: i64,
    title: String,
    description: Option<String>,
    status: TaskStatus,
    user_id: Option<i64>,
    category_id: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    user_name: Option<String>,
    user_email: Option<String>,
    user_created_at: Option<DateTime<Utc>>,
    user_updated_at: Option<DateTime<Utc>>,
    category_name: Option<String>,
    category_created_at: Option<DateTime<Utc>>,
    category_updated_at: Option<DateTime<Utc>>,
    /// The user before an update.
    old_user_id: Option<i64>,
    /// The category before an update.
    old_category_id: Option<i64>,
}

impl TaskRow {
    /// The place of the task before an update.
    fn old_place(&self) -> Place {
        place(self.old_user_id, self.old_category_id)
    }
}

fn place(user_id: Option<i64>, category_id: Option<i64>) -> Place {
    Place {
        user_id: user_id.map(Id::from_database),
        category_id: category_id.map(Id::from_database),
    }
}

impl FromRow<'_, PgRow> for TaskRow {
    /// Reads a row of [`list_statement`] by the places of its columns and without comparing their
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

/// A page of the tasks that match a filter, and their total, in one snapshot.
pub async fn list(
    db: &mut PgConnection,
    filter: &TaskFilter,
    page: Page,
) -> Result<Listed<Task>, DbError> {
    let mut statement = list_statement(filter, page);
    let rows = match filter.search {
        None => statement.build().fetch_all(db).await,
        // What a search finds, and so which index serves it best, depends on its text.
        Some(_) => {
            let statement = statement.build().persistent(false);
            planned_for_values(db, async |db| statement.fetch_all(db).await).await
        }
    }?;
    let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
    // A page beyond the end is one row that holds nothing but the total.
    let on_page = |row: &&PgRow| {
        row.try_get::<Option<i64>, _>("id")
            .is_ok_and(|id| id.is_some())
    };
    let items = rows
        .iter()
        .filter(on_page)
        .map(|row| Ok(TaskRow::from_row(row)?.into()));
    Ok(Listed {
        total,
        items: items.collect::<Result<_, sqlx::Error>>()?,
    })
}

/// The statement behind [`list`], for tests that look at its plan as well.
///
/// The page is cut before anything is joined to it, so that a list costs as many joins as it shows
/// rows.
pub fn list_statement(filter: &TaskFilter, page: Page) -> QueryBuilder<Postgres> {
    let order = match filter.order {
        Order::Ascending => "created_at, id",
        Order::Descending => "created_at DESC, id DESC",
    };
    let mut query = QueryBuilder::new("");
    if let Some(search) = &filter.search {
        push_found(&mut query, filter, search);
    }
    query.push("SELECT c.total, p.* FROM (");
    push_total(&mut query, filter);
    query.push(
        ") c LEFT JOIN (
             SELECT t.id, t.title, t.description, t.status, t.user_id, t.category_id,
                    t.created_at, t.updated_at,
                    u.name AS user_name, u.email AS user_email,
                    u.created_at AS user_created_at, u.updated_at AS user_updated_at,
                    g.name AS category_name, g.created_at AS category_created_at,
                    g.updated_at AS category_updated_at
             FROM (",
    );
    if filter.search.is_some() {
        query.push("SELECT id FROM found");
    } else {
        query.push("SELECT * FROM tasks WHERE true");
        push_conditions(&mut query, filter);
    }
    query
        .push(format_args!(" ORDER BY {order} LIMIT "))
        .push_bind(page.limit);
    query.push(" OFFSET ").push_bind(page.offset());
    query.push(match filter.search {
        Some(_) => ") f JOIN tasks t USING (id)",
        None => ") t",
    });
    query.push(format_args!(
        " LEFT JOIN users u ON u.id = t.user_id
             LEFT JOIN categories g ON g.id = t.category_id
         ) p ON true ORDER BY {order}"
    ));
    query
}

/// The number of tasks that match a filter: from `row_counts` where only the status matters, else
/// counted in the index of the filter or among the tasks that the search found.
fn push_total(query: &mut QueryBuilder<Postgres>, filter: &TaskFilter) {
    // Without `..`: a new filter does not compile until it is part of the total.
    let TaskFilter {
        status,
        user_id,
        category_id,
        search,
        order: _,
    } = filter;
    if search.is_some() {
        query.push("SELECT count(*) AS total FROM found");
    } else if user_id.is_some() || category_id.is_some() {
        query.push("SELECT count(*) AS total FROM tasks WHERE true");
        push_conditions(query, filter);
    } else {
        query.push("SELECT sum(n)::bigint AS total FROM row_counts WHERE counted ");
        match status {
            Some(status) => query
                .push("= ")
                .push_bind(format!("tasks.{}", status.as_str())),
            None => query.push("IN ('tasks.pending', 'tasks.in-progress', 'tasks.completed')"),
        };
    }
}

/// The conditions of a search, each without its pattern.
const SEARCHED: [&str; 4] = [
    "title ILIKE ",
    "description ILIKE ",
    "user_id IN (SELECT id FROM users WHERE name ILIKE ",
    "category_id IN (SELECT id FROM categories WHERE name ILIKE ",
];
/// The length of the shortest text that a trigram index finds, in characters.
const TRIGRAM: usize = 3;

/// The tasks that a search finds, once for the page and its total: a page by itself would look cheaper
/// to the planner if it went through all tasks in their order until it has found enough, which for a
/// rare word is all of the table.
///
/// Each condition is a query of its own, and so uses its own index; where the text is too short for an
/// index, one scan for all conditions costs least.
fn push_found(query: &mut QueryBuilder<Postgres>, filter: &TaskFilter, search: &SearchText) {
    let pattern = contains_pattern(search.as_str());
    let by_index = search.as_str().chars().count() >= TRIGRAM;
    query.push("WITH found AS MATERIALIZED (");
    for (number, place) in SEARCHED.into_iter().enumerate() {
        if number == 0 || by_index {
            query.push(if number == 0 { "" } else { " UNION " });
            query.push("SELECT id, created_at FROM tasks WHERE true");
            push_conditions(query, filter);
            query.push(" AND (");
        } else {
            query.push(" OR ");
        }
        query.push(place).push_bind(pattern.clone());
        if place.contains('(') {
            query.push(")");
        }
        if by_index || number + 1 == SEARCHED.len() {
            query.push(")");
        }
    }
    query.push(") ");
}

/// The conditions of a filter but for its search.
fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &TaskFilter) {
    // Without `..`: a new filter does not compile until it is part of the conditions.
    let TaskFilter {
        status,
        user_id,
        category_id,
        search: _,
        order: _,
    } = filter;
    if let Some(status) = *status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(user_id) = *user_id {
        query.push(" AND user_id = ").push_bind(user_id.get());
    }
    if let Some(category_id) = *category_id {
        query
            .push(" AND category_id = ")
            .push_bind(category_id.get());
    }
}

/// The `LIKE` pattern for "contains this text", in which the text's own wildcards mean themselves.
fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::contains_pattern;

    #[test]
    fn wildcards_of_the_searched_text_are_escaped() {
        assert_eq!(contains_pattern(r"50%_\'x"), r"%50\%\_\\'x%");
    }
}
