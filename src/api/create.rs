//! Creating things, once where the request has an Idempotency-Key.

use super::body;
use super::respond;
use crate::db::idempotency::{self, Created, Keyed, Outcome};
use crate::db::{Connection, DbError};
use crate::domain::fields::{FieldError, Fields};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::pin::Pin;

/// The header that makes a request repeatable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// What a key must be, as the end of a sentence that begins with the name of the header.
pub const KEY_RULE: &str = "must be 1 to 255 visible ASCII characters, given once";

/// A request to create something.
pub struct Creation {
    /// The fields of the thing.
    pub fields: Fields,
    /// What makes it repeatable, if anything does.
    pub key: Option<Key>,
}

/// The key of a request, and the request that it stands for.
pub struct Key {
    key: String,
    fingerprint: Sha256,
}

impl Key {
    /// What stands in place of a secret when the request is compared to others: bytes that take long
    /// to make, because a fast hash of a secret would be a gift to whoever reads the table. The salt
    /// for making them is here.
    pub fn salt(&self) -> [u8; 32] {
        Sha256::digest(&self.key).into()
    }

    /// The key of a request that is told by these parts of it instead of its body.
    pub fn of_parts(self, parts: &[&[u8]]) -> Self {
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
}

impl FromRequest for Creation {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request.headers());
        let body = body::read(request, payload);
        Box::pin(async move {
            let key = key?;
            let body = body.await?;
            Ok(Self {
                fields: body::parse(&body)?,
                key: key.map(|key| Key {
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
    let is_sane =
        |key: &&[u8]| (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    Some(value.as_bytes())
        .filter(is_sane)
        .filter(|_| values.next().is_none())
        .map(|key| Some(String::from_utf8_lossy(key).into_owned()))
        .ok_or_else(|| ApiError::Invalid(vec![FieldError::new(IDEMPOTENCY_KEY, KEY_RULE)]))
}

/// 201 with the thing of this kind that `insert` adds, which is to be found at the request's path
/// and its id; or, where the key was used for the same request before, once more what was answered
/// then.
pub async fn create<T: Serialize>(
    request: &HttpRequest,
    state: &AppState,
    kind: &'static str,
    key: Option<Key>,
    id: impl Fn(&T) -> i64,
    insert: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>,
) -> Result<HttpResponse, ApiError> {
    // Without the ways to write the same path differently.
    let path = request.match_pattern().unwrap_or_default();
    let write = async |db: &mut Connection| {
        let thing = insert(db).await?;
        Ok(Created {
            location: format!("{path}/{}", id(&thing)),
            body: respond::created_body(kind, &thing)?,
        })
    };
    let (created, is_replayed) = match key {
        None => (state.write(request, write).await?, false),
        Some(Key { key, fingerprint }) => {
            let keyed = Keyed {
                path: path.clone(),
                key,
                fingerprint: fingerprint.finalize().into(),
            };
            let once = async |db: &mut Connection| idempotency::once(db, &keyed, write).await;
            match state.write(request, once).await? {
                Outcome::Done(created) => (created, false),
                Outcome::Repeated(created) => (created, true),
                Outcome::InFlight => return Err(ApiError::InFlight),
                Outcome::OtherRequest => return Err(ApiError::KeyReused),
            }
        }
    };
    // After a repeat too: the first attempt may have died between its commit and its announcement.
    state.announce().await?;
    Ok(respond::created(created, is_replayed))
}
