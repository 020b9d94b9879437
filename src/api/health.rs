//! `/health` and `/api/status`: the health of this instance. None of them writes anything.

use super::documentation::Faults;
use crate::app::state::AppState;
use crate::db;
use crate::domain::timestamp::Timestamp;

use actix_web::web::Data;
use actix_web::{HttpResponse, http::StatusCode, http::header};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

/// How an instance is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`: the process answers.
    #[schema(example = "ok")]
    status: &'static str,
    /// The current time.
    timestamp: Timestamp,
    /// For how long the instance has been there, in seconds.
    #[schema(minimum = 0, example = 3600.5)]
    uptime: f64,
    /// The process id of the instance.
    #[schema(example = 1)]
    worker: u32,
    /// The name of the instance.
    #[schema(example = "3f2a9c1d7b60")]
    instance: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Whether an instance lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// `ok`: the instance lives.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether an instance should get requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ok`; `degraded`: ready, but slower, because Redis is away; `unavailable`: PostgreSQL is
    /// away or not migrated; `draining`: the instance is about to end.
    #[schema(example = "ok")]
    status: &'static str,
    /// `ok`, `unavailable` or, where this version's migrations are not applied yet, `not migrated`.
    #[schema(example = "ok")]
    postgres: &'static str,
    /// Whether copies can be used: `ok`, or `unavailable` where Redis is away, or where PostgreSQL
    /// has been away ever since Redis was connected to.
    #[schema(example = "ok")]
    redis: &'static str,
}

/// What runs here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// A sentence that says that the program is running.
    #[schema(example = "taskfleet is running.")]
    message: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// `development` or `production`.
    #[schema(example = "production")]
    environment: &'static str,
    /// The process id of the instance.
    #[schema(example = 1)]
    worker: u32,
}

/// The operations that tell how an instance is.
#[derive(OpenApi)]
#[openapi(
    tags((name = "health", description = "How the instance is that answers")),
    paths(health, live, ready, status),
)]
pub(crate) struct Document;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How is this instance?
#[utoipa::path(
    get,
    path = "/health",
    tag = "health",
    operation_id = "health",
    responses(Faults, (status = 200, description = "The instance answers", body = Health,
        example = json!({"status": "ok", "timestamp": "2026-05-17T09:30:00.000Z", "uptime": 3600.5, "worker": 1, "instance": "3f2a9c1d7b60", "version": "0.1.0"}))),
)]
pub(crate) async fn health(state: Data<AppState>) -> HttpResponse {
    answer(
        StatusCode::OK,
        Health {
            status: "ok",
            timestamp: Timestamp::now(),
            uptime: state.instance.started.elapsed().as_secs_f64(),
            worker: std::process::id(),
            instance: state.instance.name.clone(),
            version: VERSION,
        },
    )
}

/// Does this instance live?
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "health",
    operation_id = "live",
    responses(Faults, (status = 200, description = "It does", body = Liveness, example = json!({"status": "ok"}))),
)]
pub(crate) async fn live() -> HttpResponse {
    answer(StatusCode::OK, Liveness { status: "ok" })
}

/// Should this instance get requests?
///
/// PostgreSQL must be reachable and migrated. Without Redis an instance is ready, but `degraded`.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    operation_id = "ready",
    responses(
        Faults,
        (status = 200, description = "It should", body = Readiness,
         example = json!({"status": "ok", "postgres": "ok", "redis": "ok"})),
        (status = 503, description = "It should not", body = Readiness,
         headers(("Retry-After" = i64, description = "When to ask again, in seconds")),
         example = json!({"status": "unavailable", "postgres": "unavailable", "redis": "ok"})),
    ),
)]
pub(crate) async fn ready(state: Data<AppState>) -> HttpResponse {
    let postgres = match state.reader.read_primary(db::migrations::is_migrated).await {
        Ok(true) => "ok",
        Ok(false) => "not migrated",
        Err(error) => {
            log::warn!("not ready: {error}");
            "unavailable"
        }
    };
    let redis = if state.reader.is_redis_connected() {
        "ok"
    } else {
        "unavailable"
    };
    let (code, status) = match (state.instance.is_draining(), postgres, redis) {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (_, "ok", "ok") => (StatusCode::OK, "ok"),
        (_, "ok", _) => (StatusCode::OK, "degraded"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    answer(
        code,
        Readiness {
            status,
            postgres,
            redis,
        },
    )
}

/// What runs here?
#[utoipa::path(
    get,
    path = "/api/status",
    tag = "health",
    operation_id = "status",
    responses(Faults, (status = 200, description = "This does", body = Status,
        example = json!({"message": "taskfleet is running.", "version": "0.1.0", "environment": "production", "worker": 1}))),
)]
pub(crate) async fn status(state: Data<AppState>) -> HttpResponse {
    answer(
        StatusCode::OK,
        Status {
            message: "taskfleet is running.",
            version: VERSION,
            environment: state.instance.app_env.as_str(),
            worker: std::process::id(),
        },
    )
}

fn answer(code: StatusCode, body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(code);
    if code == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body)
}
