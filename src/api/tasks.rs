//! `/tasks`.

use super::crud;
use super::documentation::{
    CreateHeaders, CreateResponses, DeleteResponses, GetResponses, IdParameter, ListHeaders,
    ListResponses, PageParameters, UpdateResponses,
};
use super::error::ApiError;
use super::extract::body::Body;
use super::extract::idempotency::CreateRequest;
use super::extract::path::RequestPath;
use super::extract::query::Parameters;
use super::extract::write::WriteRequest;
use super::resource::Resource;
use crate::app::state::AppState;
use crate::db::{self, Connection};
use crate::domain::category::Category;
use crate::domain::fields::FieldError;
use crate::domain::id::Id;
use crate::domain::page::Order;
use crate::domain::task::{NewTask, Task, TaskFilter, TaskId, TaskStatus, TaskUpdate};
use crate::domain::text::{Description, SearchText, Title};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

impl Resource for Task {
    const KIND: &'static str = "task";
    const PATH: &'static str = "/tasks";
    const TABLE: &'static str = "tasks";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn example() -> Self {
        let (user, category) = (User::example(), Category::example());
        Self {
            id: Id::from_database(1),
            title: Title::EXAMPLE.to_owned(),
            description: Some(Description::EXAMPLE.to_owned()),
            status: TaskStatus::Pending,
            user_id: Some(user.id),
            category_id: Some(category.id),
            created_at: Timestamp::EXAMPLE,
            updated_at: Timestamp::EXAMPLE,
            user: Some(user),
            category: Some(category),
        }
    }

    fn invalid_example() -> FieldError {
        FieldError::new("title", Title::rule())
    }
}

/// The operations on tasks.
#[derive(OpenApi)]
#[openapi(
    tags((name = "tasks", description = "What is to be done")),
    paths(list, create, get, update, delete),
    components(schemas(Task, Order)),
)]
pub(crate) struct Document;

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
        ("userId" = Option<i64>, Query, description = "Only tasks of the user with this id", minimum = 1, nullable = false, example = 1),
        ("categoryId" = Option<i64>, Query, description = "Only tasks of the category with this id", minimum = 1, nullable = false, example = 1),
        ("search" = inline(Option<SearchText>), Query, description = "Only tasks whose title, description, user's name or category's name contains this text, without regard to case; no character is a wildcard", nullable = false, example = "rotate"),
        ("sort" = Option<Order>, Query, description = "By creation: `asc` for the oldest first, `desc` (the default) for the newest; ids break ties", nullable = false, example = "desc"),
        PageParameters,
        ListHeaders,
    ),
    responses(ListResponses<Task>),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let status = parameters.optional("status", |text| text.parse().map_err(str::to_owned));
    let user_id = parameters.id("userId");
    let category_id = parameters.id("categoryId");
    let search = parameters.optional("search", |text| SearchText::parse(text.to_owned()));
    let order = parameters.optional("sort", |text| text.parse().map_err(str::to_owned));
    let page = parameters.page();
    parameters.finish()?;
    let filter = TaskFilter {
        status,
        user_id,
        category_id,
        search,
        order: order.unwrap_or_default(),
    };
    crud::list(&request, &state, filter, page, db::tasks::list).await
}

/// Get a task
#[utoipa::path(
    get,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "getTask",
    params(IdParameter),
    responses(GetResponses<Task>),
)]
pub(crate) async fn get(id: TaskId, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    crud::get(&state, id, db::tasks::get).await
}

/// Create a task
#[utoipa::path(
    post,
    path = "/tasks",
    tag = "tasks",
    operation_id = "createTask",
    params(CreateHeaders),
    request_body(content = NewTask, example = json!({"title": "Rotate the signing keys", "description": "Before the old ones run out in June.", "status": "pending", "userId": 1})),
    responses(CreateResponses<Task>),
)]
pub(crate) async fn create(
    path: RequestPath,
    request: WriteRequest,
    created: CreateRequest<NewTask>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let CreateRequest { input, key } = created;
    let insert =
        async move |db: &mut Connection, new_id| db::tasks::insert(db, new_id, &input).await;
    crud::create(request, path, &state, key, insert, db::tasks::get).await
}

/// Update a task
///
/// A field that is left out stays as it is; `null` clears `description`, `userId` and `categoryId`.
#[utoipa::path(
    put,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "updateTask",
    params(IdParameter),
    request_body(content = TaskUpdate, example = json!({"status": "completed"})),
    responses(UpdateResponses<Task>),
)]
pub(crate) async fn update(
    id: TaskId,
    request: WriteRequest,
    Body(input): Body<TaskUpdate>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let update = async move |db: &mut Connection, id| db::tasks::update(db, id, &input).await;
    crud::update(request, &state, id, update, db::tasks::get).await
}

/// Delete a task
#[utoipa::path(
    delete,
    path = "/tasks/{id}",
    tag = "tasks",
    operation_id = "deleteTask",
    params(IdParameter),
    responses(DeleteResponses<Task>),
)]
pub(crate) async fn delete(
    id: TaskId,
    request: WriteRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    crud::delete(request, &state, id, db::tasks::delete).await
}
