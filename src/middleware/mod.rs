//! What happens around every request: its id, the name of the instance, the shape of errors and the
//! access log. One function, because each layer would cost every cached read an allocation.

mod access_log;
mod problem;
mod request_id;

use crate::state::AppState;
use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use std::time::Instant;

/// The header with the name of the instance that answered.
pub const X_INSTANCE: HeaderName = HeaderName::from_static("x-instance");
/// The header with the id of the request.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Frames a request.
pub async fn frame<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let started = Instant::now();
    let state = request.app_data::<Data<AppState>>().cloned();
    let id = request_id::take_over_or_make(request.headers());
    let response = next.call(request).await?;
    let mut response = problem::complete(response, &id);
    if let Some(state) = state {
        if let Ok(name) = HeaderValue::from_str(&state.instance.name) {
            response.headers_mut().insert(X_INSTANCE, name);
        }
        if state.instance.is_draining() {
            // Lets NGINX and others go before the listener closes.
            response
                .response_mut()
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
    }
    access_log::write(&response, &id, started.elapsed());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    Ok(response)
}
