//! `/users`.

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
use crate::domain::fields::FieldError;
use crate::domain::id::Id;
use crate::domain::page::Unfiltered;
use crate::domain::text::{EmailAddress, UserName};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{NewUser, User, UserId, UserUpdate};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

impl Resource for User {
    const KIND: &'static str = "user";
    const PATH: &'static str = "/users";
    const TABLE: &'static str = "users";
    const UNIQUE: Option<&'static str> = Some("users_email_key");

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn example() -> Self {
        Self {
            id: Id::from_database(1),
            name: UserName::EXAMPLE.to_owned(),
            email: EmailAddress::EXAMPLE.to_owned(),
            created_at: Timestamp::EXAMPLE,
            updated_at: Timestamp::EXAMPLE,
        }
    }

    fn invalid_example() -> FieldError {
        FieldError::new("name", UserName::rule())
    }
}

/// The operations on users.
#[derive(OpenApi)]
#[openapi(
    tags((name = "users", description = "Who owns tasks")),
    paths(list, create, get, update, delete),
    components(schemas(User)),
)]
pub(crate) struct Document;

/// List users
///
/// A page of all users, the newest first.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    operation_id = "listUsers",
    params(PageParameters, ListHeaders),
    responses(ListResponses<User>),
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
        db::users::list,
    )
    .await
}

/// Get a user
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    operation_id = "getUser",
    params(IdParameter),
    responses(GetResponses<User>),
)]
pub(crate) async fn get(id: UserId, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    crud::get(&state, id, db::users::get).await
}

/// Create a user
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    operation_id = "createUser",
    params(CreateHeaders),
    request_body(content = NewUser, example = json!({"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse"})),
    responses(CreateResponses<User>),
)]
pub(crate) async fn create(
    path: RequestPath,
    request: WriteRequest,
    created: CreateRequest<NewUser>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let CreateRequest { input, key } = created;
    let NewUser {
        name,
        email,
        password,
    } = input;
    let key = match key {
        Some(key) => {
            let secret = state.passwords.derive(&password, key.salt()).await?;
            let (name, email) = (name.as_str().as_bytes(), email.as_str().as_bytes());
            Some(key.of_parts(&[name, email, &secret]))
        }
        None => None,
    };
    let hash = state.passwords.hash(&password).await?;
    let insert = async move |db: &mut Connection, new_id| {
        db::users::insert(db, new_id, &name, &email, &hash).await
    };
    crud::create(request, path, &state, key, insert, db::users::get).await
}

/// Update a user
///
/// A field that is left out stays as it is.
#[utoipa::path(
    put,
    path = "/users/{id}",
    tag = "users",
    operation_id = "updateUser",
    params(IdParameter),
    request_body(content = UserUpdate, example = json!({"name": "Ada King"})),
    responses(UpdateResponses<User>),
)]
pub(crate) async fn update(
    id: UserId,
    request: WriteRequest,
    Body(input): Body<UserUpdate>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let UserUpdate {
        name,
        email,
        password,
    } = input;
    let hash = match password {
        Some(password) => Some(state.passwords.hash(&password).await?),
        None => None,
    };
    let update = async move |db: &mut Connection, id| {
        db::users::update(db, id, name.as_ref(), email.as_ref(), hash.as_deref()).await
    };
    crud::update(request, &state, id, update, db::users::get).await
}

/// Delete a user
///
/// The tasks of the user stay, with `userId` null.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "users",
    operation_id = "deleteUser",
    params(IdParameter),
    responses(DeleteResponses<User>),
)]
pub(crate) async fn delete(
    id: UserId,
    request: WriteRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    crud::delete(request, &state, id, db::users::delete).await
}
