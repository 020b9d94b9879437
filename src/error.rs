//! Every error that a client can get, and its shape: `application/problem+json` (RFC 9457).

use crate::db::DbError;
use crate::domain::fields::FieldError;
use crate::password::HashError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400: parts of the request break rules, all of which are named.
    #[error("{}", invalid_detail(.0))]
    Invalid(Vec<FieldError>),
    /// 400: the request cannot be read at all, for this reason.
    #[error("{0}")]
    Malformed(String),
    /// 404: no such thing.
    #[error("There is no {0} with the id {1}.")]
    NotFound(&'static str, i64),
    /// 404: no such route.
    #[error("There is nothing at this address; /docs describes what there is.")]
    NoRoute,
    /// 405: the route has other methods.
    #[error("This address takes only {0}.")]
    MethodNotAllowed(&'static str),
    /// 409: another user has the address.
    #[error("Another user already has this e-mail address.")]
    EmailTaken,
    /// 409: the first request with the same key has not ended yet.
    #[error(
        "A request with this Idempotency-Key is being carried out right now; repeat it in a second \
         to get its answer."
    )]
    InFlight,
    /// 413: the body is too long.
    #[error("The body may be at most {0} bytes long.")]
    TooLarge(usize),
    /// 415: the body is not JSON.
    #[error("The body must be JSON, with the header Content-Type: application/json.")]
    NotJson,
    /// 422: the key was used for another request.
    #[error(
        "This Idempotency-Key was used for another request within the last 24 hours; a new request \
         needs a new key."
    )]
    KeyReused,
    /// 500: a fault of ours, which only the log tells.
    #[error("The server failed to answer; its log has the cause under the request id.")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// 503: the change may or may not have been made.
    #[error(
        "The database went out of reach before it confirmed the change, which may or may not have \
         been made: repeat it with the same Idempotency-Key, or look before repeating it."
    )]
    Unsettled(#[source] Option<Arc<DbError>>),
    /// 503: what is asked for cannot be had now.
    #[error("The database is out of reach at the moment; try again in a second.")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

fn invalid_detail(errors: &[FieldError]) -> String {
    let sentences: Vec<_> = errors
        .iter()
        .map(|error| format!("{} {}", error.path, error.message))
        .collect();
    format!("{}.", sentences.join("; "))
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<DbError>> for ApiError {
    fn from(error: Arc<DbError>) -> Self {
        let unknown =
            |path| Self::Invalid(vec![FieldError::new(path, "names nothing that exists")]);
        match &*error {
            DbError::UnknownUser => unknown("userId"),
            DbError::UnknownCategory => unknown("categoryId"),
            DbError::EmailTaken => Self::EmailTaken,
            DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::Unsettled(_) => Self::Unsettled(Some(error)),
            // Nobody will read it.
            DbError::Unwanted => Self::Unavailable(error),
            DbError::Fault(_) => Self::Internal(error),
        }
    }
}

impl From<Vec<FieldError>> for ApiError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        Self::Internal(Arc::new(error))
    }
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What kind of problem it is; `about:blank`, because the status says all that there is.
    #[schema(example = "about:blank")]
    pub r#type: &'static str,
    /// The name of the status.
    #[schema(example = "Bad Request")]
    pub title: &'static str,
    /// The status code.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong, as a sentence for a person.
    #[schema(example = "title must be 1 to 200 characters long.")]
    pub detail: String,
    /// The same sentence as `detail`.
    #[schema(example = "title must be 1 to 200 characters long.")]
    pub message: String,
    /// The request that it is about, as in the header X-Request-Id and in the log.
    #[schema(value_type = String, example = "0b6f8f3e-6d0c-4f0e-9c39-0d1f5a2b7c11")]
    pub request_id: Option<String>,
    /// All that is wrong with invalid input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The body for an error of the request with this id.
    pub fn new(error: &ApiError, request_id: Option<&str>) -> Self {
        let errors = match error {
            ApiError::Invalid(errors) => errors.clone(),
            _ => Vec::new(),
        };
        Self::with_detail(error.status_code(), error.to_string(), request_id, errors)
    }

    /// The response for an error of which nothing is known but its status.
    pub fn of_status(status: StatusCode, request_id: &str) -> HttpResponse {
        let detail = format!("{}.", title(status));
        Self::with_detail(status, detail, Some(request_id), Vec::new()).response(status)
    }

    fn with_detail(
        status: StatusCode,
        detail: String,
        request_id: Option<&str>,
        errors: Vec<FieldError>,
    ) -> Self {
        Self {
            r#type: "about:blank",
            title: title(status),
            status: status.as_u16(),
            message: detail.clone(),
            detail,
            request_id: request_id.map(str::to_owned),
            errors,
        }
    }

    fn response(&self, status: StatusCode) -> HttpResponse {
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(serde_json::to_vec(self).unwrap_or_default())
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

impl ApiError {
    /// The response, for the request with this id.
    pub fn response(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = Problem::new(self, request_id).response(self.status_code());
        let more = match self {
            Self::MethodNotAllowed(methods) => Some((header::ALLOW, *methods)),
            Self::Unavailable(_) | Self::Unsettled(_) | Self::InFlight => {
                Some((header::RETRY_AFTER, "1"))
            }
            _ => None,
        };
        if let Some((name, value)) = more {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(..) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::EmailTaken | Self::InFlight => StatusCode::CONFLICT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) | Self::Unsettled(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}
