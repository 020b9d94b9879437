//! The OpenAPI document, made from the handlers, and Swagger UI.

mod common;
mod examples;

use crate::api::{categories, health, tasks, users};
use crate::domain::{category::Category, page::Order, task::Task, user::User};
use crate::error::Problem;
use actix_web::http::header;
use actix_web::{HttpResponse, Responder};
use common::Common;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "taskfleet",
        description = "Tasks, their users and categories. A read that starts after a write was \
                       acknowledged never shows the world before that write, whichever instance \
                       answers."
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "tasks", description = "What is to be done"),
        (name = "users", description = "Who does it"),
        (name = "categories", description = "What it belongs to"),
        (name = "health", description = "How the instance is that answers"),
    ),
    paths(
        tasks::list, tasks::create, tasks::get, tasks::update, tasks::delete,
        users::list, users::create, users::get, users::update, users::delete,
        categories::list, categories::create, categories::get, categories::update,
        categories::delete,
        health::health, health::live, health::ready, health::status,
    ),
    components(schemas(Category, Order, Problem, Task, User)),
    modifiers(&Common),
)]
pub struct Document;

/// The document as JSON.
pub fn json() -> String {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        // Maps with text as keys, which the document consists of, can always be written.
        Document::openapi().to_pretty_json().unwrap_or_default() + "\n"
    });
    JSON.clone()
}

/// `GET /openapi.json`.
pub async fn document() -> impl Responder {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(json())
}

/// Swagger UI under `/docs/`.
pub fn swagger_ui() -> SwaggerUi {
    let config = Config::new(["/openapi.json"])
        .try_it_out_enabled(true)
        .display_request_duration(true)
        // Nothing is to be asked of servers elsewhere.
        .validator_url("none");
    SwaggerUi::new("/docs/{_:.*}").config(config)
}
