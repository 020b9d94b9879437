//! The OpenAPI document, merged from what the resources declare, and Swagger UI.

mod common;

use crate::api::envelope::{Deleted, List, One, Written};
use crate::api::error::{ApiError, Problem};
use crate::api::resource::Resource;
use crate::api::{categories, health, labels, tasks, users};
use crate::domain::category::Category;
use crate::domain::label::Label;
use crate::domain::task::Task;
use crate::domain::user::User;
use actix_web::http::header;
use actix_web::{HttpResponse, Responder, web};
use common::Common;
use std::sync::{Arc, LazyLock};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};
use utoipa_swagger_ui::Config;

/// The parts of the document that belong to no resource.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "taskfleet",
        description = "Tasks, their users and categories, and labels. A read that starts after a write was \
                       acknowledged never shows the world before that write, whichever instance \
                       answers."
    ),
    servers((url = "/", description = "This server")),
    components(schemas(Problem, Deleted)),
)]
struct Frame;

/// The document of every resource and of the health checks.
fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for part in [
        with_envelopes::<Task>(tasks::Document::openapi()),
        with_envelopes::<User>(users::Document::openapi()),
        with_envelopes::<Category>(categories::Document::openapi()),
        with_envelopes::<Label>(labels::Document::openapi()),
        health::Document::openapi(),
    ] {
        document.merge(part);
    }
    Common.modify(&mut document);
    document
}

/// The document of a resource, with the schemas of the bodies that hold it.
fn with_envelopes<T: Resource>(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    let schemas = &mut components.schemas;
    schemas.insert(List::<T>::name().into(), List::<T>::schema());
    schemas.insert(One::<T>::name().into(), One::<T>::schema());
    schemas.insert(Written::<T>::name().into(), Written::<T>::schema());
    document
}

/// The OpenAPI document as indented JSON, the same bytes as `openapi.json` in the repository.
pub fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        // Maps with text as keys, which the document consists of, can always be written.
        document().to_pretty_json().unwrap_or_default() + "\n"
    });
    &JSON
}

/// The handler of `GET /openapi.json`.
pub async fn serve_document() -> impl Responder {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(json())
}

/// The handler of the files of Swagger UI under `/docs/`; a 404 where there is no such file.
pub async fn swagger_ui(file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
        let config = Config::new(["/openapi.json"])
            .try_it_out_enabled(true)
            .display_request_duration(true)
            // Nothing is to be asked of servers elsewhere.
            .validator_url("none");
        Arc::new(config)
    });
    match utoipa_swagger_ui::serve(&file, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => Ok(HttpResponse::Ok()
            .content_type(file.content_type)
            .body(file.bytes.into_owned())),
        Ok(None) => Err(ApiError::UnknownPath),
        Err(error) => {
            let error = std::io::Error::other(error.to_string());
            Err(ApiError::Internal(Arc::new(error)))
        }
    }
}
