//! `/categories`.

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
use crate::domain::category::{Category, CategoryId, CategoryInput};
use crate::domain::fields::FieldError;
use crate::domain::id::Id;
use crate::domain::page::Unfiltered;
use crate::domain::text::CategoryName;
use crate::domain::timestamp::Timestamp;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

impl Resource for Category {
    const KIND: &'static str = "category";
    const PATH: &'static str = "/categories";
    const TABLE: &'static str = "categories";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn example() -> Self {
        Self {
            id: Id::from_database(1),
            name: CategoryName::EXAMPLE.to_owned(),
            created_at: Timestamp::EXAMPLE,
            updated_at: Timestamp::EXAMPLE,
        }
    }

    fn invalid_example() -> FieldError {
        FieldError::new("name", CategoryName::rule())
    }
}

/// The operations on categories.
#[derive(OpenApi)]
#[openapi(
    tags((name = "categories", description = "What tasks are grouped by")),
    paths(list, create, get, update, delete),
    components(schemas(Category)),
)]
pub(crate) struct Document;

/// List categories
///
/// A page of all categories, the newest first.
#[utoipa::path(
    get,
    path = "/categories",
    tag = "categories",
    operation_id = "listCategories",
    params(PageParameters, ListHeaders),
    responses(ListResponses<Category>),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let page = parameters.page();
    parameters.finish()?;
    crud::list(
        &request,
        &state,
        Unfiltered::default(),
        page,
        db::categories::list,
    )
    .await
}

/// Get a category
#[utoipa::path(
    get,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "getCategory",
    params(IdParameter),
    responses(GetResponses<Category>),
)]
pub(crate) async fn get(id: CategoryId, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    crud::get(&state, id, db::categories::get).await
}

/// Create a category
#[utoipa::path(
    post,
    path = "/categories",
    tag = "categories",
    operation_id = "createCategory",
    params(CreateHeaders),
    request_body(content = CategoryInput, example = json!({"name": "Infrastructure"})),
    responses(CreateResponses<Category>),
)]
pub(crate) async fn create(
    path: RequestPath,
    request: WriteRequest,
    created: CreateRequest<CategoryInput>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let CreateRequest { input, key } = created;
    let insert =
        async move |db: &mut Connection, new_id| db::categories::insert(db, new_id, &input).await;
    crud::create(request, path, &state, key, insert, db::categories::get).await
}

/// Update a category
#[utoipa::path(
    put,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "updateCategory",
    params(IdParameter),
    request_body(content = CategoryInput, example = json!({"name": "Infrastructure"})),
    responses(UpdateResponses<Category>),
)]
pub(crate) async fn update(
    id: CategoryId,
    request: WriteRequest,
    Body(input): Body<CategoryInput>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let update = async move |db: &mut Connection, id| db::categories::update(db, id, &input).await;
    crud::update(request, &state, id, update, db::categories::get).await
}

/// Delete a category
///
/// The tasks of the category stay, with `categoryId` null.
#[utoipa::path(
    delete,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "deleteCategory",
    params(IdParameter),
    responses(DeleteResponses<Category>),
)]
pub(crate) async fn delete(
    id: CategoryId,
    request: WriteRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    crud::delete(request, &state, id, db::categories::delete).await
}
