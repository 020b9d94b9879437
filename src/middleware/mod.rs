//! What happens around every request: its id, the name of the instance, the shape of errors and the
//! access log. One function, because each layer would cost every cached read an allocation.

mod access_log;
mod problem;
mod request_id;

use crate::api::headers::{X_INSTANCE, X_REQUEST_ID};
use crate::app::state::AppState;
use access_log::AccessLog;
use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::web::Data;

/// The middleware of every request: assigns the request id, completes errors, adds X-Instance and
/// X-Request-Id, and writes the access log.
pub(crate) async fn wrap<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let id = request_id::propagate_or_generate(request.headers());
    let access_log = AccessLog::begin(&request, &id);
    let response = match next.call(request).await {
        Ok(response) => response,
        Err(error) => {
            access_log.end_with(error.as_response_error().status_code());
            return Err(error);
        }
    };
    let mut response = problem::complete(response, &id);
    if let Some(state) = state {
        if let Ok(name) = HeaderValue::from_str(&state.instance.name) {
            response.headers_mut().insert(X_INSTANCE, name);
        }
        if state.instance.is_draining() {
            // Lets NGINX and other clients go before the listener closes.
            response
                .response_mut()
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
    }
    access_log.end(&response);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    Ok(response)
}
