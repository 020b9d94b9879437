//! Every error that a client can get, and its shape: `application/problem+json` (RFC 9457).

use crate::auth::passwords::HashError;
use crate::db::DbError;
use crate::domain::fields::FieldError;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// An error of a request, as a client gets it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// Parts of the request break rules, all of which are named.
    #[error("{}", invalid_detail(.0))]
    Invalid(Vec<FieldError>),
    /// The request cannot be read at all, for this reason.
    #[error("{0}")]
    Malformed(String),
    /// The field with this path refers to something that does not exist.
    #[error("{0} names nothing that exists.")]
    UnknownReference(&'static str),
    /// There is no resource of this kind with this id.
    #[error("There is no {0} with the id {1}.")]
    NotFound(&'static str, i64),
    /// No route has this path.
    #[error("There is nothing at this path; /docs describes what there is.")]
    UnknownPath,
    /// The path does not have this method, but these.
    #[error("This path takes only {0}.")]
    MethodNotAllowed(&'static str),
    /// Another resource has the same value of a unique field, as this sentence says.
    #[error("{0}")]
    Duplicate(&'static str),
    /// The first request with the same key has not ended yet.
    #[error(
        "A request with this Idempotency-Key is being carried out right now; repeat it in a second \
         to get its answer."
    )]
    RequestInProgress,
    /// The body is longer than this many bytes.
    #[error("The body may be at most {0} bytes long.")]
    ContentTooLarge(usize),
    /// The body is not JSON.
    #[error("The body must be JSON, with the header Content-Type: application/json.")]
    NotJson,
    /// The key was used for another request.
    #[error(
        "This Idempotency-Key was used for another request within the last 24 hours; a new request \
         needs a new key."
    )]
    KeyReused,
    /// The client closed its connection before its write was begun: nothing was done.
    #[error("The client closed the connection before the request was carried out.")]
    ClientDisconnected,
    /// A fault of the server, whose cause stands in the log only.
    #[error("The server failed to answer; its log has the cause under the request id.")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The write may or may not have been committed.
    #[error(
        "The database went out of reach before it confirmed the write, which may or may not have \
         been made: repeat it with the same Idempotency-Key, or look before repeating it."
    )]
    OutcomeUnknown(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// PostgreSQL is out of reach, so that the request cannot be carried out now.
    #[error("The database is out of reach at the moment; try again in a second.")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// The status and the stable code of each error: the only place that decides them.
    fn row(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_input"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::UnknownReference(_) => (StatusCode::BAD_REQUEST, "unknown_reference"),
            Self::NotFound(..) => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "unknown_path"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Duplicate(_) => (StatusCode::CONFLICT, "duplicate"),
            Self::RequestInProgress => (StatusCode::CONFLICT, "request_in_progress"),
            Self::ContentTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "content_too_large"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"),
            Self::ClientDisconnected => (client_closed_request(), "client_disconnected"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Self::OutcomeUnknown(_) => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// The errors of single fields; empty for errors that are about no field.
    fn field_errors(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            Self::UnknownReference(path) => {
                vec![FieldError::new(*path, "names nothing that exists")]
            }
            _ => Vec::new(),
        }
    }

    /// The header that the error adds to its response; `None` for most.
    fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::MethodNotAllowed(methods) => Some((header::ALLOW, methods)),
            Self::Unavailable(_) | Self::OutcomeUnknown(_) | Self::RequestInProgress => {
                Some((header::RETRY_AFTER, "1"))
            }
            _ => None,
        }
    }

    /// The response to the request with this id.
    pub fn response(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = Problem::new(self, request_id).response(self.row().0);
        if let Some((name, value)) = self.header() {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.row().0
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

/// The status 499 of a request whose client has disconnected, as NGINX logs it; no client ever reads
/// it.
pub(crate) fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
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
        match &*error {
            DbError::UnknownReference(path) => Self::UnknownReference(path),
            DbError::Duplicate(sentence) => Self::Duplicate(sentence),
            DbError::RequestInProgress => Self::RequestInProgress,
            DbError::KeyReused => Self::KeyReused,
            DbError::ClientDisconnected => Self::ClientDisconnected,
            DbError::Unavailable(_) => Self::Unavailable(error),
            DbError::OutcomeUnknown(_) => Self::OutcomeUnknown(error),
            // Handlers say what it was that is not there, or was done before.
            DbError::NotFound | DbError::AlreadyDone(_) | DbError::Fault(_) => {
                Self::Internal(error)
            }
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        Self::Internal(Arc::new(error))
    }
}

/// The body of an error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// Always `about:blank`: `status` and `code` say what kind of problem it is.
    #[schema(example = "about:blank")]
    pub r#type: &'static str,
    /// The name of the status.
    #[schema(example = "Bad Request")]
    pub title: &'static str,
    /// The status code of the answer.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong, as a sentence for a person, which may change.
    #[schema(example = "title must be 1 to 200 characters long.")]
    pub detail: String,
    /// What a program can tell the problem by; never changes.
    #[schema(example = "invalid_input")]
    pub code: &'static str,
    /// The same sentence as `detail`.
    #[schema(example = "title must be 1 to 200 characters long.")]
    pub message: String,
    /// The id of the request, as in the header X-Request-Id and in the server's log.
    #[schema(value_type = String, example = "0b6f8f3e-6d0c-4f0e-9c39-0d1f5a2b7c11")]
    pub request_id: Option<String>,
    /// Everything that is wrong with the input; left out for other problems.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// The body for an error of the request with this id.
    pub(crate) fn new(error: &ApiError, request_id: Option<&str>) -> Self {
        let (status, code) = error.row();
        let detail = error.to_string();
        Self {
            errors: error.field_errors(),
            ..Self::with_detail(status, code, detail, request_id)
        }
    }

    /// The response for an error of which nothing is known but its status: one that the framework made.
    pub(crate) fn of_status(status: StatusCode, request_id: &str) -> HttpResponse {
        let detail = format!("{}.", title(status));
        let code = match status.is_client_error() {
            true => "malformed_request",
            false => "internal_error",
        };
        Self::with_detail(status, code, detail, Some(request_id)).response(status)
    }

    fn with_detail(
        status: StatusCode,
        code: &'static str,
        detail: String,
        request_id: Option<&str>,
    ) -> Self {
        Self {
            r#type: "about:blank",
            title: title(status),
            status: status.as_u16(),
            message: detail.clone(),
            detail,
            code,
            request_id: request_id.map(str::to_owned),
            errors: Vec::new(),
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
