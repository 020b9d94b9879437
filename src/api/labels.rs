//! `/labels`.

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
use crate::domain::label::{Label, LabelId, LabelUpdate, NewLabel};
use crate::domain::page::Unfiltered;
use crate::domain::text::{LabelColor, LabelName};
use crate::domain::timestamp::Timestamp;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

impl Resource for Label {
    const KIND: &'static str = "label";
    const PATH: &'static str = "/labels";
    const TABLE: &'static str = "labels";
    const UNIQUE: Option<&'static str> = Some("labels_name_key");

    fn id(&self) -> LabelId {
        self.id
    }

    fn example() -> Self {
        Self {
            id: Id::from_database(1),
            name: LabelName::EXAMPLE.to_owned(),
            color: Some(LabelColor::EXAMPLE.to_owned()),
            created_at: Timestamp::EXAMPLE,
            updated_at: Timestamp::EXAMPLE,
        }
    }

    fn invalid_example() -> FieldError {
        FieldError::new("name", LabelName::rule())
    }
}

/// The operations on labels.
#[derive(OpenApi)]
#[openapi(
    tags((name = "labels", description = "What tasks are marked with")),
    paths(list, create, get, update, delete),
    components(schemas(Label)),
)]
pub struct Document;

/// List labels
///
/// A page of all labels, the newest first.
#[utoipa::path(
    get,
    path = "/labels",
    tag = "labels",
    operation_id = "listLabels",
    params(PageParameters, ListHeaders),
    responses(ListResponses<Label>),
)]
pub async fn list(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::parse(request.query_string())?;
    let page = parameters.page();
    parameters.finish()?;
    crud::list(
        &request,
        &state,
        Unfiltered::default(),
        page,
        db::labels::list,
    )
    .await
}

/// Get a label
#[utoipa::path(
    get,
    path = "/labels/{id}",
    tag = "labels",
    operation_id = "getLabel",
    params(IdParameter),
    responses(GetResponses<Label>),
)]
pub async fn get(id: LabelId, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    crud::get(&state, id, db::labels::get).await
}

/// Create a label
#[utoipa::path(
    post,
    path = "/labels",
    tag = "labels",
    operation_id = "createLabel",
    params(CreateHeaders),
    request_body(content = NewLabel, example = json!({"name": "urgent", "color": "#d73a4a"})),
    responses(CreateResponses<Label>),
)]
pub async fn create(
    path: RequestPath,
    request: WriteRequest,
    created: CreateRequest<NewLabel>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let CreateRequest { input, key } = created;
    let insert =
        async move |db: &mut Connection, new_id| db::labels::insert(db, new_id, &input).await;
    crud::create(request, path, &state, key, insert, db::labels::get).await
}

/// Update a label
///
/// A field that is left out stays as it is; `null` clears `color`.
#[utoipa::path(
    put,
    path = "/labels/{id}",
    tag = "labels",
    operation_id = "updateLabel",
    params(IdParameter),
    request_body(content = LabelUpdate, example = json!({"color": "#0e8a16"})),
    responses(UpdateResponses<Label>),
)]
pub async fn update(
    id: LabelId,
    request: WriteRequest,
    Body(input): Body<LabelUpdate>,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let update = async move |db: &mut Connection, id| db::labels::update(db, id, &input).await;
    crud::update(request, &state, id, update, db::labels::get).await
}

/// Delete a label
#[utoipa::path(
    delete,
    path = "/labels/{id}",
    tag = "labels",
    operation_id = "deleteLabel",
    params(IdParameter),
    responses(DeleteResponses<Label>),
)]
pub async fn delete(
    id: LabelId,
    request: WriteRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    crud::delete(request, &state, id, db::labels::delete).await
}
