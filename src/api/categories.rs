//! `/categories`.

use super::create::{self, Creation};
use super::item;
use super::path::Id;
use super::query::Parameters;
use super::respond::{self, Changed, Done, List, One};
use crate::db::{self, Connection};
use crate::domain::category::{Category, CategoryInput};
use crate::domain::fields::{self, Fields};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

/// List categories
///
/// A page of the categories, the newest first.
#[utoipa::path(
    get,
    path = "/categories",
    tag = "categories",
    operation_id = "listCategories",
    params(
        ("page" = Option<i64>, Query, description = "Which page, from 1 (the default)", minimum = 1, maximum = 2147483647, nullable = false, example = 1),
        ("limit" = Option<i64>, Query, description = "How many categories a page holds, 10 if left out", minimum = 1, maximum = 100, nullable = false, example = 10),
    ),
    responses((status = 200, description = "A page of categories", body = List<Category>)),
)]
pub async fn list(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let page = parameters.page();
    parameters.finish()?;
    let key = format!("categories:{}:{}", page.number, page.limit);
    respond::list(&request, &state, key.into(), page, async |db| {
        db::categories::list(db, page).await
    })
    .await
}

/// Show a category
#[utoipa::path(
    get,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "getCategory",
    params(("id" = i64, Path, description = "The category's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The category", body = One<Category>)),
)]
pub async fn get(id: Id, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let get = async |db: &mut Connection| db::categories::get(db, id.0).await;
    item::show(&state, "category", id, get).await
}

/// Create a category
#[utoipa::path(
    post,
    path = "/categories",
    tag = "categories",
    operation_id = "createCategory",
    request_body(content = CategoryInput, example = json!({"name": "Infrastructure"})),
    responses((
        status = 201,
        description = "The category as it was created",
        body = Changed<Category>,
        headers(("Location" = String, description = "Where the category is")),
    )),
)]
pub async fn create(
    request: HttpRequest,
    creation: Creation,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Creation { mut fields, key } = creation;
    let input = CategoryInput {
        name: fields.required("name", fields::text),
    };
    let input = fields.finish(input)?;
    let insert = async |db: &mut Connection| db::categories::insert(db, &input).await;
    create::create(
        &request,
        &state,
        "category",
        key,
        |category| category.id,
        insert,
    )
    .await
}

/// Change a category
#[utoipa::path(
    put,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "updateCategory",
    params(("id" = i64, Path, description = "The category's id", minimum = 1, example = 1)),
    request_body(content = CategoryInput, example = json!({"name": "Infrastructure"})),
    responses((status = 200, description = "The category as it is now", body = Changed<Category>)),
)]
pub async fn update(
    request: HttpRequest,
    id: Id,
    mut fields: Fields,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = CategoryInput {
        name: fields.required("name", fields::text),
    };
    let input = fields.finish(input)?;
    let update = async |db: &mut Connection| db::categories::update(db, id.0, &input).await;
    item::change(&request, &state, "category", id, update).await
}

/// Delete a category
///
/// Its tasks stay, with `categoryId` null.
#[utoipa::path(
    delete,
    path = "/categories/{id}",
    tag = "categories",
    operation_id = "deleteCategory",
    params(("id" = i64, Path, description = "The category's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The category is no more", body = Done)),
)]
pub async fn delete(
    request: HttpRequest,
    id: Id,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let delete = async |db: &mut Connection| db::categories::delete(db, id.0).await;
    item::remove(&request, &state, "category", id, delete).await
}
