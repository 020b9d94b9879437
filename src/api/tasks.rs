//! `/tasks`.

use super::create::{self, Creation};
use super::item;
use super::path::Id;
use super::query::Parameters;
use super::respond::{self, Changed, Done, List, One};
use crate::db::{self, Connection};
use crate::domain::fields::{self, Fields};
use crate::domain::page::Order;
use crate::domain::task::{NewTask, Task, TaskChange, TaskFilter, TaskStatus};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

/// List tasks
///
/// A page of the tasks that all given filters let through.
#[utoipa::path(
    get,
    path = "/tasks",
    tag = "tasks",
    operation_id = "listTasks",
    params(
        ("status" = Option<TaskStatus>, Query, description = "Only tasks of this status", nullable = false, example = "pending"),
        ("userId" = Option<i64>, Query, description = "Only tasks of this user", minimum = 1, nullable = false, example = 1),
        ("categoryId" = Option<i64>, Query, description = "Only tasks of this category", minimum = 1, nullable = false, example = 1),
        ("search" = Option<String>, Query, description = "Only tasks whose title, description, user's name or category's name contains this text, without regard to case; no character is a wildcard", min_length = 1, max_length = 200, nullable = false, example = "rotate"),
        ("sort" = Option<Order>, Query, description = "By creation: `asc` for the oldest first, `desc` (the default) for the newest; ids break ties", nullable = false, example = "desc"),
        ("page" = Option<i64>, Query, description = "Which page, from 1 (the default)", minimum = 1, maximum = 2147483647, nullable = false, example = 1),
        ("limit" = Option<i64>, Query, description = "How many tasks a page holds, 10 if left out", minimum = 1, maximum = 100, nullable = false, example = 10),
    ),
    responses((status = 200, description = "A page of tasks", body = List<Task>)),
)]
pub async fn list(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let status = parameters.optional("status", |text| text.parse().map_err(str::to_owned));
    let user_id = parameters.id("userId");
    let category_id = parameters.id("categoryId");
    let search = parameters.text("search", 1..=200);
    let order = parameters.optional("sort", |text| text.parse().map_err(str::to_owned));
    let page = parameters.page();
    parameters.finish()?;
    let order: Order = order.unwrap_or_default();
    let filter = TaskFilter {
        status,
        user_id,
        category_id,
        search,
        order,
    };
    // Every parameter in a fixed order and with its default, so that the same list has one entry
    // however it is asked for. The search stands last: it may contain anything.
    let key = format!(
        "tasks:{}:{}:{}:{}:{:?}:{}",
        page.number,
        page.limit,
        user_id.unwrap_or_default(),
        category_id.unwrap_or_default(),
        order,
        status.map_or("", TaskStatus::as_str),
    );
    let key = match &filter.search {
        Some(search) => format!("{key}:{search}"),
        None => key,
    };
    respond::list(&request, &state, key.into(), page, async |db| {
        db::tasks::list(db, &filter, page).await
    })
    .await
}

/// Show a task
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "getTask",
    params(("id" = i64, Path, description = "The task's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The task", body = One<Task>)),
)]
pub async fn get(id: Id, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let get = async |db: &mut Connection| db::tasks::get(db, id.0).await;
    item::show(&state, "task", id, get).await
}

/// Create a task
#[utoipa::path(
    post,
    path = "/tasks",
    tag = "tasks",
    operation_id = "createTask",
    request_body(content = NewTask, example = json!({"title": "Rotate the signing keys", "description": "Before the old ones run out in June.", "status": "pending", "userId": 1})),
    responses((
        status = 201,
        description = "The task as it was created",
        body = Changed<Task>,
        headers(("Location" = String, description = "Where the task is")),
    )),
)]
pub async fn create(
    request: HttpRequest,
    creation: Creation,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Creation { mut fields, key } = creation;
    let new = NewTask {
        title: fields.required("title", fields::text),
        description: fields.nullable("description", fields::text).flatten(),
        status: fields
            .optional("status", fields::status)
            .unwrap_or_default(),
        user_id: fields.required("userId", fields::id),
        category_id: fields.nullable("categoryId", fields::id).flatten(),
    };
    let new = fields.finish(new)?;
    let insert = async |db: &mut Connection| db::tasks::insert(db, &new).await;
    create::create(&request, &state, "task", key, |task| task.id, insert).await
}

/// Change a task
///
/// A field that is left out stays as it is; `null` clears `description`, `userId` and `categoryId`.
#[utoipa::path(
    put,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "updateTask",
    params(("id" = i64, Path, description = "The task's id", minimum = 1, example = 1)),
    request_body(content = TaskChange, example = json!({"status": "completed"})),
    responses((status = 200, description = "The task as it is now", body = Changed<Task>)),
)]
pub async fn update(
    request: HttpRequest,
    id: Id,
    mut fields: Fields,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    fields.at_least_one_of("title, description, status, userId, categoryId");
    let change = TaskChange {
        title: fields.optional("title", fields::text),
        description: fields.nullable("description", fields::text),
        status: fields.optional("status", fields::status),
        user_id: fields.nullable("userId", fields::id),
        category_id: fields.nullable("categoryId", fields::id),
    };
    let change = fields.finish(change)?;
    let update = async |db: &mut Connection| db::tasks::update(db, id.0, &change).await;
    item::change(&request, &state, "task", id, update).await
}

/// Delete a task
#[utoipa::path(
    delete,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "deleteTask",
    params(("id" = i64, Path, description = "The task's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The task is no more", body = Done)),
)]
pub async fn delete(
    request: HttpRequest,
    id: Id,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let delete = async |db: &mut Connection| db::tasks::delete(db, id.0).await;
    item::remove(&request, &state, "task", id, delete).await
}
