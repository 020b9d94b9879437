//! The names of the API's own headers, and the header values that every answer needs.

use actix_web::http::header::{HeaderName, HeaderValue};

/// The idempotency key of a POST, which makes it repeatable.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` on the stored answer to a repeated POST; left out otherwise.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// NGINX's id of a request, the same on every try of it.
pub(crate) const X_ATTEMPT_ID: HeaderName = HeaderName::from_static("x-attempt-id");
/// Whether a list is a cached copy: `hit`, `miss` or `bypass`.
pub(crate) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// The name of the instance that answered.
pub(crate) const X_INSTANCE: HeaderName = HeaderName::from_static("x-instance");
/// The id of the request, in its log lines too.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The server that a read was answered from: `cache`, `primary` or a replica, such as `replica-1`.
pub(crate) const X_SERVED_FROM: HeaderName = HeaderName::from_static("x-served-from");

// As values, because text would be checked and copied for each answer.

/// The content type of every answer that is no error.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The value of Cache-Control for answers that may be stored, but must be revalidated before each use.
pub(crate) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
