//! One line in the log for each request.

use crate::api::error::client_closed_request;
use crate::api::headers::X_CACHE;
use actix_web::HttpRequest;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::http::{Method, StatusCode, Uri};
use log::Level;
use std::borrow::Cow;
use std::time::Instant;

/// The line of a request that is being handled. If it is dropped before its [`end`](Self::end), because
/// the client reset the connection, the line has the status 499, as in NGINX's log.
pub(super) struct AccessLog<'a> {
    /// The method and URI for the line of a request that is dropped without a response; `None` once the
    /// line is written.
    open: Option<(Method, Uri)>,
    started: Instant,
    request_id: &'a str,
}

/// The fields of a line.
struct Line<'a> {
    method: &'a str,
    route: &'a str,
    path: &'a str,
    status: u16,
    cache: &'a str,
    client: &'a str,
}

impl<'a> AccessLog<'a> {
    /// The line of a request that arrives now.
    pub(super) fn begin(request: &ServiceRequest, request_id: &'a str) -> Self {
        Self {
            open: is_logged(request.path())
                .then(|| (request.method().clone(), request.uri().clone())),
            started: Instant::now(),
            request_id,
        }
    }

    /// Writes the line of a request that was answered.
    pub(super) fn end<B>(mut self, response: &ServiceResponse<B>) {
        if self.open.take().is_none() {
            return;
        }
        let request = response.request();
        let cache = response
            .headers()
            .get(X_CACHE)
            .and_then(|value| value.to_str().ok());
        let route = request.match_pattern();
        self.write(Line {
            method: request.method().as_str(),
            route: route.as_deref().unwrap_or("-"),
            path: request.path(),
            status: response.status().as_u16(),
            cache: cache.unwrap_or("-"),
            client: &client(request),
        });
    }

    fn write(&self, line: Line) {
        log::log!(
            target: "access",
            level(line.path),
            method = line.method,
            route = line.route,
            path = line.path,
            status = line.status,
            durationMs = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            cache = line.cache,
            requestId = self.request_id,
            client = line.client;
            "request"
        );
    }
}

impl AccessLog<'_> {
    /// Writes the line of a request that has no response of ours, with this status.
    pub(super) fn end_with(mut self, status: StatusCode) {
        self.write_without_response(status);
    }

    fn write_without_response(&mut self, status: StatusCode) {
        if let Some((method, uri)) = self.open.take() {
            self.write(Line {
                method: method.as_str(),
                route: "-",
                path: uri.path(),
                status: status.as_u16(),
                cache: "-",
                client: "-",
            });
        }
    }
}

impl Drop for AccessLog<'_> {
    fn drop(&mut self) {
        self.write_without_response(match std::thread::panicking() {
            true => StatusCode::INTERNAL_SERVER_ERROR,
            false => client_closed_request(),
        });
    }
}

/// Health checks, which come every few seconds, are of interest to a debugger only.
fn level(path: &str) -> Level {
    match path.starts_with("/health") {
        true => Level::Debug,
        false => Level::Info,
    }
}

fn is_logged(path: &str) -> bool {
    log::log_enabled!(target: "access", level(path))
}

/// The client's IP address: the first of `X-Forwarded-For`, which NGINX sets, else the connection's
/// peer. (The framework's `connection_info` would work out scheme and host as well, and keep all that
/// with each request.)
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
