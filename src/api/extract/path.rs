//! The path of a request.

use crate::domain::id::parse_positive;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};

/// The extractor of the request's path, normalized: the same for all ways to write it, such as
/// `/tasks/7` for `/tasks/007`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestPath(pub String);

impl RequestPath {
    /// The path of this request; `None` where no route matches it.
    fn of(request: &HttpRequest) -> Option<Self> {
        let pattern = request.match_pattern()?;
        let parts = pattern.split('/').map(|part| {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            let value = name.and_then(|name| request.match_info().get(name));
            match value.map(|value| (value, parse_positive(value))) {
                Some((_, Some(id))) => id.to_string(),
                Some((value, None)) => value.to_owned(),
                None => part.to_owned(),
            }
        });
        Some(Self(parts.collect::<Vec<_>>().join("/")))
    }
}

impl FromRequest for RequestPath {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let path = Self::of(request).unwrap_or_else(|| Self(request.path().to_owned()));
        ready(Ok(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, test, web};

    #[actix_web::test]
    async fn request_path_has_real_ids_and_is_normalized() {
        let app = App::new()
            .route("/tasks", web::post().to(async |path: RequestPath| path.0))
            .route(
                "/tasks/{id}/comments",
                web::post().to(async |path: RequestPath| path.0),
            );
        let app = test::init_service(app).await;
        for (sent, path) in [
            ("/tasks", "/tasks"),
            ("/%74asks", "/tasks"),
            ("/tasks/7/comments", "/tasks/7/comments"),
            ("/tasks/007/comments", "/tasks/7/comments"),
            ("/tasks/%37/comments", "/tasks/7/comments"),
            ("/tasks/8/comments", "/tasks/8/comments"),
        ] {
            let request = test::TestRequest::post().uri(sent).to_request();
            let body = test::call_and_read_body(&app, request).await;
            assert_eq!(body, path.as_bytes(), "{sent}");
        }
    }
}
