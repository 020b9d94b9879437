//! Create requests, and the idempotency key that makes them repeatable.

use super::body;
use crate::api::error::ApiError;
use crate::api::headers::IDEMPOTENCY_KEY;
use crate::db::idempotency::IdempotentRequest;
use crate::domain::fields::{FieldError, Input};
use crate::domain::viewer::Principal;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use sha2::{Digest, Sha256};
use std::pin::Pin;

/// The rule of an idempotency key, as the end of a sentence that begins with the name of the header.
pub(crate) const KEY_RULE: &str = "must be 1 to 255 visible ASCII characters, given once";

/// The extractor of a create request: its input `I` and its idempotency key.
pub(crate) struct CreateRequest<I> {
    /// The input in the body.
    pub input: I,
    /// The idempotency key; `None` where the request has none and is not repeatable.
    pub key: Option<IdempotencyKey>,
}

/// The idempotency key of a request, with the fingerprint that tells this request from others.
pub(crate) struct IdempotencyKey {
    key: String,
    fingerprint: Sha256,
}

impl IdempotencyKey {
    /// The salt for what stands in place of a secret in [`of_parts`](Self::of_parts).
    ///
    /// A secret is compared by a slow hash (argon2) under this salt, because the fingerprint is stored,
    /// and a fast hash of a secret can be searched for.
    pub(crate) fn salt(&self) -> [u8; 32] {
        Sha256::digest(&self.key).into()
    }

    /// The same key, with a fingerprint of these parts instead of the body's bytes.
    pub(crate) fn of_parts(self, parts: &[&[u8]]) -> Self {
        let mut fingerprint = Sha256::new();
        for part in parts {
            // The lengths keep the parts apart.
            fingerprint.update(part.len().to_le_bytes());
            fingerprint.update(part);
        }
        Self {
            fingerprint,
            ..self
        }
    }

    /// The request of this principal to this path that the key stands for.
    pub(crate) fn into_request(self, principal: Principal, path: String) -> IdempotentRequest {
        IdempotentRequest {
            principal,
            path,
            key: self.key,
            fingerprint: self.fingerprint.finalize().into(),
        }
    }
}

impl<I: Input> FromRequest for CreateRequest<I> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request.headers());
        let body = body::read(request, payload);
        Box::pin(async move {
            let key = key?;
            let body = body.await?;
            Ok(Self {
                input: body::parse(&body)?,
                key: key.map(|key| IdempotencyKey {
                    key,
                    fingerprint: Sha256::new_with_prefix(&body),
                }),
            })
        })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let is_valid =
        |key: &&[u8]| (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    Some(value.as_bytes())
        .filter(is_valid)
        .filter(|_| values.next().is_none())
        .map(|key| Some(String::from_utf8_lossy(key).into_owned()))
        .ok_or_else(|| ApiError::Invalid(vec![FieldError::new("Idempotency-Key", KEY_RULE)]))
}
