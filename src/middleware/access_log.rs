//! One line in the log for each request.

use actix_web::dev::ServiceResponse;
use log::Level;
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
        .get("x-cache")
        .and_then(|value| value.to_str().ok());
    let connection = request.connection_info();
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
        client = connection.realip_remote_addr().unwrap_or("-");
        "request"
    );
}
