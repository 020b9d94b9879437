//! Ids in paths.

use crate::domain::fields::FieldError;
use crate::domain::id;
use crate::error::ApiError;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// The `{id}` of a path.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub i64);

impl FromRequest for Id {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(id::parse);
        let error = || ApiError::Invalid(vec![FieldError::new("id", id::RULE)]);
        ready(id.map(Self).ok_or_else(error))
    }
}
