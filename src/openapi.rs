//! The OpenAPI document, made from the handlers, and Swagger UI.

use crate::api::{categories, health, tasks, users};
use crate::error::Problem;
use actix_web::http::header;
use actix_web::{HttpResponse, Responder};
use serde_json::json;
use std::sync::LazyLock;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, Object, Schema};
use utoipa::openapi::{ContentBuilder, HttpMethod, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi};
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
    components(schemas(Problem)),
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
        .display_request_duration(true);
    SwaggerUi::new("/docs/{_:.*}").config(config)
}

/// What is true of many operations and would be written over and over at each of them: the headers
/// of every answer, those of lists, and the errors.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for name in [
            "NewTask",
            "TaskChange",
            "NewUser",
            "UserChange",
            "CategoryInput",
        ] {
            let schemas = document
                .components
                .as_mut()
                .map(|components| &mut components.schemas);
            let schema = schemas.and_then(|schemas| schemas.get_mut(name));
            if let Some(RefOr::T(Schema::Object(object))) = schema {
                object.additional_properties =
                    Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
        for (path, item) in &mut document.paths.paths {
            let operations = [
                (HttpMethod::Get, &mut item.get),
                (HttpMethod::Post, &mut item.post),
                (HttpMethod::Put, &mut item.put),
                (HttpMethod::Delete, &mut item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    complete(path, &method, operation);
                }
            }
        }
    }
}

fn complete(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let is_item = path.contains("{id}");
    let is_list = *method == HttpMethod::Get && operation.parameters.is_some() && !is_item;
    let has_body = operation.request_body.is_some();
    let uses_database = is_item || is_list || has_body;
    if is_list {
        add_list_answers(operation);
    }
    let mut errors = Vec::new();
    if uses_database {
        errors.push((
            400,
            "The request breaks rules, all of which are named",
            "title is required.",
        ));
        errors.push((
            503,
            "PostgreSQL is out of reach",
            "The database is out of reach at the moment; try again in a second.",
        ));
    }
    if is_item {
        errors.push((
            404,
            "There is no such thing",
            "There is no task with the id 42.",
        ));
    }
    if has_body {
        errors.push((
            413,
            "The body is too long",
            "The body may be at most 65536 bytes long.",
        ));
        errors.push((
            415,
            "The body is not JSON",
            "The body must be JSON, with the header Content-Type: application/json.",
        ));
    }
    if has_body && path.starts_with("/users") {
        errors.push((
            409,
            "Another user has this address",
            "Another user already has this e-mail address.",
        ));
    }
    errors.push((
        500,
        "A fault of the server",
        "The server failed to answer; its log has the cause under the request id.",
    ));
    for (status, description, detail) in errors {
        let error = problem(status, description, detail);
        operation
            .responses
            .responses
            .entry(status.to_string())
            .or_insert(RefOr::T(error));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_header(
                response,
                "X-Instance",
                Type::String,
                "The instance that answered",
            );
            add_header(
                response,
                "X-Request-Id",
                Type::String,
                "The id of the request: the caller's, if it sent a sane one in this header",
            );
        }
    }
}

fn add_list_answers(operation: &mut Operation) {
    let unchanged = Response::new("The list is the one that If-None-Match names");
    operation
        .responses
        .responses
        .insert("304".to_owned(), RefOr::T(unchanged));
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_header(
                response,
                "X-Cache",
                Type::String,
                "Where the list came from: `hit`, a copy; `miss`, the database; `bypass`, the database, because Redis is away",
            );
            add_header(
                response,
                "ETag",
                Type::String,
                "Names this state of the list, for If-None-Match",
            );
        }
    }
}

fn add_header(response: &mut Response, name: &str, kind: Type, description: &str) {
    let header = HeaderBuilder::new()
        .schema(Some(Object::with_type(kind)))
        .description(Some(description))
        .build();
    response.headers.insert(name.to_owned(), header.into());
}

fn problem(status: u16, description: &str, detail: &str) -> Response {
    let title = actix_web::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason());
    let mut example = json!({
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "message": detail,
        "requestId": "0b6f8f3e-6d0c-4f0e-9c39-0d1f5a2b7c11",
    });
    if status == 400 {
        example["errors"] = json!([{"path": "title", "message": "is required"}]);
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example))
        .build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build();
    if status == 503 {
        add_header(
            &mut response,
            "Retry-After",
            Type::Integer,
            "When to try again, in seconds",
        );
    }
    response
}
