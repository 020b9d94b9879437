//! A request to write: whether its client is still there, and NGINX's id of it.

use super::client::Client;
use crate::api::headers::X_ATTEMPT_ID;
use crate::db::attempts::Attempt;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};
use uuid::Uuid;

/// A request to write, which may be given up by its client, or come a second time.
pub(crate) struct WriteRequest {
    client: Option<Client>,
    /// NGINX's id of the request, the same on every try of it; `None` where no NGINX stands before the
    /// instance, so that nobody passes requests on.
    id: Option<Uuid>,
}

impl WriteRequest {
    /// The try that this request is, which creates a row of this table; `None` where it cannot come twice.
    pub(crate) fn attempt(&self, creates: Option<&'static str>) -> Option<Attempt> {
        let attempt = |request| Attempt { request, creates };
        self.id.map(attempt)
    }

    /// A function that tells whether the client has closed its connection.
    pub(crate) fn client_disconnected(&self) -> impl Fn() -> bool + 'static {
        let client = self.client.clone();
        move || client.as_ref().is_some_and(Client::is_disconnected)
    }
}

impl FromRequest for WriteRequest {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = request.headers().get(X_ATTEMPT_ID);
        ready(Ok(Self {
            client: request.conn_data::<Client>().cloned(),
            id: value.and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok()),
        }))
    }
}
