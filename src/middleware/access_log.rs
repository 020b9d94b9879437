//! One line in the log for each request.

use crate::api::respond::X_CACHE;
use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use log::Level;
use std::borrow::Cow;
use std::time::Duration;

/// Writes the line. Health checks, which come every few seconds, are of interest to a debugger only.
pub fn write<B>(response: &ServiceResponse<B>, request_id: &str, took: Duration) {
    let request = response.request();
    let level = if request.path().starts_with("/health") {
        Level::Debug
    } else {
        Level::Info
    };
    if !log::log_enabled!(target: "access", level) {
        return;
    }
    let cache = response
        .headers()
        .get(X_CACHE)
        .and_then(|value| value.to_str().ok());
    let route = request.match_pattern();
    log::log!(
        target: "access",
        level,
        method = request.method().as_str(),
        route = route.as_deref().unwrap_or("-"),
        path = request.path(),
        status = response.status().as_u16(),
        durationMs = (took.as_secs_f64() * 1e6).round() / 1e3,
        cache = cache.unwrap_or("-"),
        requestId = request_id,
        client = &*client(request);
        "request"
    );
}

/// Where a request comes from: what NGINX says, else the other end of the connection. (The framework's
/// `connection_info` would work out scheme and host as well, and keep all that with each request.)
fn client(request: &HttpRequest) -> Cow<'_, str> {
    let forwarded = request.headers().get(header::X_FORWARDED_FOR);
    let forwarded = forwarded
        .and_then(|value| value.to_str().ok()?.split(',').next())
        .map(str::trim)
        .filter(|address| !address.is_empty());
    match (forwarded, request.peer_addr()) {
        (Some(address), _) => address.into(),
        (None, Some(peer)) => peer.ip().to_string().into(),
        (None, None) => "-".into(),
    }
}
