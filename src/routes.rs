//! The whole URL table.

use crate::api::{body, categories, health, tasks, users};
use crate::error::ApiError;
use crate::openapi;
use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{Handler, HttpResponse, Resource, Responder, Route};

/// Adds every route.
pub fn configure(config: &mut ServiceConfig) {
    const COLLECTION: &str = "GET, HEAD, POST";
    const ITEM: &str = "GET, HEAD, PUT, DELETE";
    const READ_ONLY: &str = "GET, HEAD";

    config
        .app_data(PayloadConfig::new(body::MAX_BYTES))
        .service(
            resource("/tasks", COLLECTION)
                .route(read().to(tasks::list))
                .route(web::post().to(tasks::create)),
        )
        .service(
            resource("/tasks/{id}", ITEM)
                .route(read().to(tasks::get))
                .route(web::put().to(tasks::update))
                .route(web::delete().to(tasks::delete)),
        )
        .service(
            resource("/users", COLLECTION)
                .route(read().to(users::list))
                .route(web::post().to(users::create)),
        )
        .service(
            resource("/users/{id}", ITEM)
                .route(read().to(users::get))
                .route(web::put().to(users::update))
                .route(web::delete().to(users::delete)),
        )
        .service(
            resource("/categories", COLLECTION)
                .route(read().to(categories::list))
                .route(web::post().to(categories::create)),
        )
        .service(
            resource("/categories/{id}", ITEM)
                .route(read().to(categories::get))
                .route(web::put().to(categories::update))
                .route(web::delete().to(categories::delete)),
        )
        .service(only(resource("/health", READ_ONLY), health::health))
        .service(only(resource("/health/live", READ_ONLY), health::live))
        .service(only(resource("/health/ready", READ_ONLY), health::ready))
        .service(only(resource("/api/status", READ_ONLY), health::status))
        .service(only(
            resource("/openapi.json", READ_ONLY),
            openapi::document,
        ))
        .service(web::redirect("/docs", "/docs/"))
        .service(web::redirect("/api-docs", "/docs/"))
        .service(openapi::swagger_ui())
        .default_service(web::to(health::no_route));
}

/// A resource that answers every method it does not have with a 405 that names those it has.
fn resource(path: &str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, _>(ApiError::MethodNotAllowed(methods))
    }))
}

/// A resource that can only be read.
fn only<F, Args>(resource: Resource, handler: F) -> Resource
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: actix_web::FromRequest + 'static,
{
    resource.route(read().to(handler))
}

/// GET, and HEAD with it, as every client of HTTP may expect (RFC 9110, 9.1). (Not by the framework's
/// guards for methods, which note each one they look for in a table of the request.)
fn read() -> Route {
    let reads =
        |context: &GuardContext| matches!(context.head().method, Method::GET | Method::HEAD);
    web::route().guard(guard::fn_guard(reads))
}
