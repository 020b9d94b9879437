//! Gives every error the same shape, also those that the framework makes, and logs its cause.

use crate::api::error::{ApiError, Problem};
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use std::error::Error as _;

/// The response or, where its status is an error, the same error in the API's shape.
pub(super) fn complete<B: MessageBody>(
    response: ServiceResponse<B>,
    request_id: &str,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    match problem(&response, request_id) {
        Some(problem) => response.into_response(problem).map_into_right_body(),
        None => response.map_into_left_body(),
    }
}

fn problem<B>(response: &ServiceResponse<B>, request_id: &str) -> Option<HttpResponse> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(error) = response.response().error() {
        if let Some(error) = error.as_error::<ApiError>() {
            log_cause(error, request_id);
            return Some(error.response(Some(request_id)));
        }
        log::debug!(requestId = request_id; "the framework refused a request: {error}");
    } else if response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    {
        // Our own: an instance that is not ready says why.
        return None;
    }
    Some(Problem::of_status(status, request_id))
}

/// Logs the cause of an error, which its response does not tell.
fn log_cause(error: &ApiError, request_id: &str) {
    match (error, error.source()) {
        (ApiError::Internal(_), Some(cause)) => {
            log::error!(requestId = request_id; "request failed: {cause}");
        }
        (_, Some(cause)) => log::warn!(requestId = request_id; "request refused: {cause}"),
        _ => {}
    }
}
