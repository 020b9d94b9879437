//! Writes that can be repeated: what was answered to a key is stored in the transaction of the write.
//!
//! After the IETF draft "The Idempotency-Key HTTP Header Field"
//! (draft-ietf-httpapi-idempotency-key-header).

use super::error::DbError;
use crate::domain::scope::Changed;
use crate::domain::viewer::Principal;
use sqlx::postgres::PgConnection;

/// The number of expired keys that one statement deletes, so that none holds many locks for long.
const BATCH: i64 = 1000;

/// A create with an idempotency key, which may be repeated.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// The owner of the key.
    pub principal: Principal,
    /// The path that the request is sent to: the scope of its key.
    pub path: String,
    /// The value of the header Idempotency-Key.
    pub key: String,
    /// SHA-256 of the request, which tells a repeat from another request with the same key.
    pub fingerprint: [u8; 32],
}

/// The answer to a create, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedAnswer {
    /// The path of the new resource.
    pub location: String,
    /// The encoded body.
    pub body: Vec<u8>,
    /// Whether this is the answer to an earlier request with the same key.
    pub is_replayed: bool,
}

/// Carries out a write, unless its key was used within the last 24 hours: then the answer to the first
/// request again. To be run in a transaction, which stores the answer with the write, both or neither.
///
/// Fails with [`DbError::RequestInProgress`] while another transaction carries out the same key, and
/// with [`DbError::KeyReused`] where the key belongs to another request.
pub async fn once(
    transaction: &mut PgConnection,
    request: &IdempotentRequest,
    write: impl AsyncFnOnce(&mut PgConnection) -> Result<Changed<CreatedAnswer>, DbError>,
) -> Result<Changed<CreatedAnswer>, DbError> {
    let IdempotentRequest {
        principal,
        path,
        key,
        fingerprint,
    } = request;
    let principal = principal.as_str();
    // Held to the end of the transaction, however it ends.
    let is_locked = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1 || $2 || ' ' || $3, 0)) AS "locked!""#,
        principal,
        path,
        key
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !is_locked {
        return Err(DbError::RequestInProgress);
    }
    // A statement of its own, which sees what was committed before the lock was free.
    let stored = sqlx::query!(
        "SELECT fingerprint, location, answer FROM idempotency_keys
         WHERE principal = $1 AND path = $2 AND key = $3
           AND created_at > now() - interval '24 hours'",
        principal,
        path,
        key
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if let Some(stored) = stored {
        return match stored.fingerprint == fingerprint {
            // Not announced: if the first request died before it was, its mark is still there.
            true => Ok(Changed::nothing(CreatedAnswer {
                location: stored.location,
                body: stored.answer,
                is_replayed: true,
            })),
            false => Err(DbError::KeyReused),
        };
    }
    let changed = write(transaction).await?;
    let created = &changed.value;
    sqlx::query!(
        "INSERT INTO idempotency_keys (principal, path, key, fingerprint, location, answer)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (principal, path, key) DO UPDATE SET
             fingerprint = excluded.fingerprint, location = excluded.location,
             answer = excluded.answer, created_at = excluded.created_at",
        principal,
        path,
        key,
        &fingerprint[..],
        created.location,
        created.body
    )
    .execute(transaction)
    .await?;
    Ok(changed)
}

/// Deletes the idempotency keys that are older than 24 hours and returns their number. Concurrent calls
/// delete different keys.
pub async fn purge_expired_keys(db: &mut PgConnection) -> Result<u64, DbError> {
    let mut purged = 0;
    loop {
        let done = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE (principal, path, key) IN (
                 SELECT principal, path, key FROM idempotency_keys
                 WHERE created_at < now() - interval '24 hours'
                 ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
             )",
            BATCH
        )
        .execute(&mut *db)
        .await?;
        purged += done.rows_affected();
        if done.rows_affected() < BATCH.unsigned_abs() {
            return Ok(purged);
        }
    }
}
