//! Bodies of answers, and how lists are answered through the cache.

use crate::cache::{Key, Outcome, Read};
use crate::db::idempotency::Created;
use crate::db::{Connection, DbError, Source};
use crate::domain::page::{Listed, Page};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct One<T> {
    /// The status code.
    #[schema(example = 200)]
    status: u16,
    /// The thing.
    data: T,
}

/// One thing to which something was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changed<T> {
    /// The status code.
    #[schema(example = 200)]
    status: u16,
    /// What was done.
    #[schema(example = "The task was changed.")]
    message: String,
    /// The thing as it is now.
    data: T,
}

/// A page of things.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// The status code.
    #[schema(example = 200)]
    status: u16,
    /// How many things all pages hold.
    #[schema(minimum = 0, example = 17799)]
    total: i64,
    /// Which page this is.
    #[schema(minimum = 1, example = 1)]
    page: i64,
    /// How many things a page holds.
    #[schema(minimum = 1, maximum = 100, example = 10)]
    limit: i64,
    /// How many pages there are.
    #[schema(minimum = 0, example = 1780)]
    total_pages: i64,
    /// The things on this page.
    data: Vec<T>,
}

/// Something was done, and there is nothing to show for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// The status code.
    #[schema(example = 200)]
    status: u16,
    /// What was done.
    #[schema(example = "The task was deleted.")]
    message: String,
}

/// Where a read was answered from: `cache`, `primary` or `replica-1`.
const X_SERVED_FROM: HeaderName = HeaderName::from_static("x-served-from");
/// Whether a list is a copy: `hit`, `miss` or `bypass`.
pub const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

// As values, because text would be checked and copied for each answer.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// 200 with one thing that was read from there.
pub fn one<T: Serialize>(data: T, source: Source) -> HttpResponse {
    uncached(StatusCode::OK)
        .insert_header((X_SERVED_FROM, source.to_string()))
        .json(One { status: 200, data })
}

/// 200 with a thing of this kind that was changed.
pub fn updated<T: Serialize>(kind: &'static str, data: T) -> HttpResponse {
    uncached(StatusCode::OK).json(Changed {
        status: 200,
        message: format!("The {kind} was changed."),
        data,
    })
}

/// The body of a 201 with a new thing of this kind.
pub fn created_body<T: Serialize>(kind: &'static str, data: &T) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Changed {
        status: 201,
        message: format!("The {kind} was created."),
        data,
    })
}

/// 201 with a new thing, for the first time or again.
pub fn created(created: Created, is_replayed: bool) -> HttpResponse {
    let mut response = uncached(StatusCode::CREATED);
    response
        .insert_header((header::LOCATION, created.location))
        .insert_header((header::CONTENT_TYPE, JSON));
    if is_replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    response.body(created.body)
}

/// 200 after a thing of this kind was deleted.
pub fn deleted(kind: &'static str) -> HttpResponse {
    uncached(StatusCode::OK).json(Done {
        status: 200,
        message: format!("The {kind} was deleted."),
    })
}

/// Nobody on the way may answer from a copy without asking, or the promise of freshness would not
/// hold.
fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, NO_CACHE));
    response
}

/// 200 with the page of a list that `key` names, or 304 where the client has it already.
pub async fn list<T: Serialize>(
    request: &HttpRequest,
    state: &AppState,
    key: Key,
    page: Page,
    query: impl AsyncFn(&mut Connection) -> Result<Listed<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let fill = |position| async move {
        let (Listed { total, items }, source) = state.db.read(position, query).await?;
        let total_pages = page.count(total);
        let Page {
            number: page,
            limit,
        } = page;
        let list = List {
            status: 200,
            total,
            page,
            limit,
            total_pages,
            data: items,
        };
        let body = serde_json::to_vec(&list);
        let body = body.map_err(|error| ApiError::Internal(Arc::new(error)))?;
        Ok((body, source))
    };
    let Read { entry, outcome } = state.cache.read(key, fill).await.map_err(shared)?;
    let (cache, source) = match outcome {
        Outcome::Hit => ("hit", None),
        Outcome::Miss(source) => ("miss", Some(source)),
        Outcome::Bypass(source) => ("bypass", Some(source)),
    };
    let known = is_known(request, &entry.tag);
    let mut response = uncached(if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    response
        .insert_header((header::ETAG, entry.tag))
        .insert_header((X_CACHE, HeaderValue::from_static(cache)));
    match source {
        None => response.insert_header((X_SERVED_FROM, HeaderValue::from_static("cache"))),
        Some(source) => response.insert_header((X_SERVED_FROM, source.to_string())),
    };
    if known {
        return Ok(response.finish());
    }
    Ok(response
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(entry.body))
}

/// An error of a fill, which all that waited for the fill get.
fn shared(error: Arc<ApiError>) -> ApiError {
    match &*error {
        ApiError::Unavailable(cause) => ApiError::Unavailable(Arc::clone(cause)),
        ApiError::Internal(cause) => ApiError::Internal(Arc::clone(cause)),
        _ => ApiError::Internal(error),
    }
}

/// Whether `If-None-Match` names this tag, by weak comparison (RFC 9110, 13.1.2): NGINX turns the
/// tag of a body that it compresses into a weak one.
fn is_known(request: &HttpRequest, tag: &[u8]) -> bool {
    let names = request.headers().get_all(header::IF_NONE_MATCH);
    names
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.strip_prefix("W/").unwrap_or(name).as_bytes() == tag)
}
