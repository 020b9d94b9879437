//! Bodies of requests: JSON objects.

use crate::api::error::ApiError;
use crate::domain::fields::{Fields, Input};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use std::pin::Pin;

/// The longest body that is read, in bytes; the longest valid one has less than a quarter.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// The extractor of an input `I` from the JSON object in the body.
pub(crate) struct Body<I>(pub I);

impl<I: Input> FromRequest for Body<I> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request, payload);
        Box::pin(async move { parse(&body.await?).map(Self) })
    }
}

/// The input in the bytes of a body; a 400 with every error where there is none.
pub(crate) fn parse<I: Input>(body: &[u8]) -> Result<I, ApiError> {
    I::read(parse_object(body)?).map_err(ApiError::Invalid)
}

fn parse_object(body: &[u8]) -> Result<Fields, ApiError> {
    let malformed =
        |cause: String| ApiError::Malformed(format!("The body cannot be read: {cause}."));
    if body.is_empty() {
        return Err(ApiError::Malformed(
            "The body is empty, but must be a JSON object.".to_owned(),
        ));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(format!(
            "it is not UTF-8 from byte {} on",
            error.valid_up_to()
        ))
    })?;
    serde_json::from_str(text).map_err(|error| malformed(in_plain_words(&error)))
}

/// The parser's message in the words of this API.
fn in_plain_words(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if message.starts_with("recursion limit exceeded") {
        return "it is nested too deeply".to_owned();
    }
    message.replace("expected ident", "expected value")
}

/// The whole body of a request with the content type of JSON; a 415 for any other type, a 413 for a
/// body over [`MAX_BYTES`].
pub(crate) fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let body = is_json(request).then(|| Bytes::from_request(request, payload));
    async move {
        let body = body.ok_or(ApiError::NotJson)?;
        body.await
            .map_err(|error| match error.as_error::<PayloadError>() {
                Some(PayloadError::Overflow) => ApiError::ContentTooLarge(MAX_BYTES),
                Some(PayloadError::Incomplete(_)) => {
                    ApiError::Malformed("The body breaks off before its end.".to_owned())
                }
                _ => ApiError::Malformed(format!("The body cannot be read: {error}.")),
            })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case("application/json")
}
