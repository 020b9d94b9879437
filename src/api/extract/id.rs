//! Ids in paths.

use crate::api::error::ApiError;
use crate::domain::fields::FieldError;
use crate::domain::id::{Id, RULE};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// The `{id}` of the path.
impl<T: 'static> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(Id::parse);
        let error = || ApiError::Invalid(vec![FieldError::new("id", RULE)]);
        ready(id.ok_or_else(error))
    }
}
