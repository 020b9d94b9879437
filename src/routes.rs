//! The route table: every path with its methods and handlers.

use crate::api::error::ApiError;
use crate::api::extract::body;
use crate::api::{categories, health, tasks, users};
use crate::openapi;
use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route};

/// Adds every route of the API to an application.
#[rustfmt::skip]
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(body::MAX_BYTES))
        .service(path("/tasks", [get(tasks::list), post(tasks::create)]))
        .service(path("/tasks/{id}", [get(tasks::get), put(tasks::update), delete(tasks::delete)]))
        .service(path("/users", [get(users::list), post(users::create)]))
        .service(path("/users/{id}", [get(users::get), put(users::update), delete(users::delete)]))
        .service(path("/categories", [get(categories::list), post(categories::create)]))
        .service(path("/categories/{id}", [get(categories::get), put(categories::update), delete(categories::delete)]))
        .service(path("/health", [get(health::health)]))
        .service(path("/health/live", [get(health::live)]))
        .service(path("/health/ready", [get(health::ready)]))
        .service(path("/api/status", [get(health::status)]))
        .service(path("/openapi.json", [get(openapi::serve_document)]))
        .service(web::redirect("/docs", "/docs/"))
        .service(web::redirect("/api-docs", "/docs/"))
        .service(web::redirect("/api-docs/", "/docs/"))
        .service(web::resource("/docs/{file:.*}").route(get(openapi::swagger_ui).1).default_service(web::to(unknown_path)))
        .default_service(web::to(unknown_path));
}

/// A path that answers every method it does not have with a 405 that names those it has.
fn path<const N: usize>(path: &str, methods: [(&str, Route); N]) -> Resource {
    let names = methods.each_ref().map(|(name, _)| *name);
    // Once for each path and worker, for as long as the process lives.
    let allow: &'static str = names.join(", ").leak();
    let resource = web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allow))
    }));
    methods
        .into_iter()
        .fold(resource, |resource, (_, route)| resource.route(route))
}

/// GET, and HEAD with it, as every client of HTTP may expect (RFC 9110, 9.1). (Not by the framework's
/// guards for methods, which note each one they look for in a table of the request.)
fn get<A: FromRequest + 'static>(
    handler: impl Handler<A, Output: Responder>,
) -> (&'static str, Route) {
    let reads =
        |context: &GuardContext| matches!(context.head().method, Method::GET | Method::HEAD);
    (
        "GET, HEAD",
        web::route().guard(guard::fn_guard(reads)).to(handler),
    )
}

fn post<A: FromRequest + 'static>(
    handler: impl Handler<A, Output: Responder>,
) -> (&'static str, Route) {
    ("POST", web::post().to(handler))
}

fn put<A: FromRequest + 'static>(
    handler: impl Handler<A, Output: Responder>,
) -> (&'static str, Route) {
    ("PUT", web::put().to(handler))
}

fn delete<A: FromRequest + 'static>(
    handler: impl Handler<A, Output: Responder>,
) -> (&'static str, Route) {
    ("DELETE", web::delete().to(handler))
}

/// 404 for every path that is none.
async fn unknown_path() -> Result<HttpResponse, ApiError> {
    Err(ApiError::UnknownPath)
}
