//! `/categories`.

use super::path::Id;
use super::query::Parameters;
use super::respond::{self, Changed, Done, List, One};
use crate::db;
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
    respond::list(&request, &state, key.into(), page, || {
        db::categories::list(&state.db, page)
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
    let category = db::categories::get(&state.db, id.0).await?;
    category
        .map(respond::one)
        .ok_or(ApiError::NotFound("category", id.0))
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
pub async fn create(mut fields: Fields, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let input = CategoryInput {
        name: fields.required("name", fields::text),
    };
    let category = db::categories::insert(&state.db, &fields.finish(input)?).await?;
    state.cache.bump().await;
    let location = format!("/categories/{}", category.id);
    Ok(respond::created(
        "The category was created.",
        location,
        category,
    ))
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
    id: Id,
    mut fields: Fields,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = CategoryInput {
        name: fields.required("name", fields::text),
    };
    let category = db::categories::update(&state.db, id.0, &fields.finish(input)?).await?;
    let category = category.ok_or(ApiError::NotFound("category", id.0))?;
    state.cache.bump().await;
    Ok(respond::updated("The category was changed.", category))
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
pub async fn delete(id: Id, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    if !db::categories::delete(&state.db, id.0).await? {
        return Err(ApiError::NotFound("category", id.0));
    }
    state.cache.bump().await;
    Ok(respond::deleted("The category was deleted."))
}
