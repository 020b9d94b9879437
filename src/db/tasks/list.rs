//! The list of tasks: its statement for each filter, and the total beside each page.

use super::row::TaskRow;
use crate::db::connection::planned_for_values;
use crate::db::error::DbError;
use crate::domain::page::{Listed, Order, Page};
use crate::domain::task::{Task, TaskFilter};
use crate::domain::text::SearchText;
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{FromRow, QueryBuilder, Row};

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
