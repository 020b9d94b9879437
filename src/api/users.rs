//! `/users`.

use super::create::{self, Creation};
use super::item;
use super::path::Id;
use super::query::Parameters;
use super::respond::{self, Changed, Done, List, One};
use crate::db::{self, Connection};
use crate::domain::fields::{self, Fields};
use crate::domain::user::{NewUser, Password, User, UserChange};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// List users
///
/// A page of the users, the newest first.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    operation_id = "listUsers",
    params(
        ("page" = Option<i64>, Query, description = "Which page, from 1 (the default)", minimum = 1, maximum = 2147483647, nullable = false, example = 1),
        ("limit" = Option<i64>, Query, description = "How many users a page holds, 10 if left out", minimum = 1, maximum = 100, nullable = false, example = 10),
    ),
    responses((status = 200, description = "A page of users", body = List<User>)),
)]
pub async fn list(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let page = parameters.page();
    parameters.finish()?;
    let key = format!("users:{}:{}", page.number, page.limit);
    respond::list(&request, &state, key.into(), page, async |db| {
        db::users::list(db, page).await
    })
    .await
}

/// Show a user
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    operation_id = "getUser",
    params(("id" = i64, Path, description = "The user's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The user", body = One<User>)),
)]
pub async fn get(id: Id, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let get = async |db: &mut Connection| db::users::get(db, id.0).await;
    item::show(&state, "user", id, get).await
}

/// Create a user
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    operation_id = "createUser",
    request_body(content = NewUser, example = json!({"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse"})),
    responses((
        status = 201,
        description = "The user as it was created",
        body = Changed<User>,
        headers(("Location" = String, description = "Where the user is")),
    )),
)]
pub async fn create(
    request: HttpRequest,
    creation: Creation,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Creation { mut fields, key } = creation;
    let new = NewUser {
        name: fields.required("name", fields::text),
        email: fields.required("email", fields::text),
        password: Password(fields.required("password", fields::text)),
    };
    let NewUser {
        name,
        email,
        password,
    } = fields.finish(new)?;
    let key = match key {
        Some(key) => {
            let secret = state.passwords.derive(&password, key.salt()).await?;
            Some(key.of_parts(&[name.as_bytes(), email.as_bytes(), &secret]))
        }
        None => None,
    };
    let hash = state.passwords.hash(&password).await?;
    let insert = async |db: &mut Connection| db::users::insert(db, &name, &email, &hash).await;
    create::create(&request, &state, "user", key, |user| user.id, insert).await
}

/// Change a user
///
/// A field that is left out stays as it is.
#[utoipa::path(
    put,
    path = "/users/{id}",
    tag = "users",
    operation_id = "updateUser",
    params(("id" = i64, Path, description = "The user's id", minimum = 1, example = 1)),
    request_body(content = UserChange, example = json!({"name": "Ada King"})),
    responses((status = 200, description = "The user as it is now", body = Changed<User>)),
)]
pub async fn update(
    request: HttpRequest,
    id: Id,
    mut fields: Fields,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    fn password(value: Value) -> Result<Password, String> {
        fields::text(value).map(Password)
    }
    fields.at_least_one_of("name, email, password");
    let change = UserChange {
        name: fields.optional("name", fields::text),
        email: fields.optional("email", fields::text),
        password: fields.optional("password", password),
    };
    let UserChange {
        name,
        email,
        password,
    } = fields.finish(change)?;
    let hash = match password {
        Some(password) => Some(state.passwords.hash(&password).await?),
        None => None,
    };
    let (name, email, hash) = (name.as_deref(), email.as_deref(), hash.as_deref());
    let update = async |db: &mut Connection| db::users::update(db, id.0, name, email, hash).await;
    item::change(&request, &state, "user", id, update).await
}

/// Delete a user
///
/// Its tasks stay, with `userId` null.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "users",
    operation_id = "deleteUser",
    params(("id" = i64, Path, description = "The user's id", minimum = 1, example = 1)),
    responses((status = 200, description = "The user is no more", body = Done)),
)]
pub async fn delete(
    request: HttpRequest,
    id: Id,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let delete = async |db: &mut Connection| db::users::delete(db, id.0).await;
    item::remove(&request, &state, "user", id, delete).await
}
