//! Writes that can be repeated: what was answered to a key is stored in the transaction of the write.
//!
//! After the IETF draft "The Idempotency-Key HTTP Header Field"
//! (draft-ietf-httpapi-idempotency-key-header).

use super::DbError;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

/// How many expired keys are removed at a time, so that no statement holds many locks for long.
const BATCH: i64 = 1000;

/// A request that may be repeated.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The path that it is sent to: the scope of its key.
    pub path: String,
    /// Its key.
    pub key: String,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
}

/// The answer to a create, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Where the new thing is.
    pub location: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of a request with a key.
#[derive(Debug)]
pub enum Outcome {
    /// It was carried out.
    Done(Created),
    /// It had been carried out before, with this answer.
    Repeated(Created),
    /// The same key is being carried out at this moment.
    InFlight,
    /// The key belongs to another request.
    OtherRequest,
}

/// Carries out a write unless its key was used within the last 24 hours, and stores its answer with
/// it, both or neither.
pub async fn once(
    db: &mut PgConnection,
    keyed: &Keyed,
    write: impl AsyncFnOnce(&mut PgConnection) -> Result<Created, DbError>,
) -> Result<Outcome, DbError> {
    let mut transaction = db.begin().await?;
    // Held to the end of the transaction, whoever ends it.
    let is_ours = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0)) AS "ours!""#,
        keyed.path,
        keyed.key
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !is_ours {
        transaction.rollback().await?;
        return Ok(Outcome::InFlight);
    }
    // A statement of its own, which sees what was committed before the lock was free.
    let stored = sqlx::query!(
        "SELECT fingerprint, location, answer FROM idempotency_keys
         WHERE path = $1 AND key = $2 AND created_at > now() - interval '24 hours'",
        keyed.path,
        keyed.key
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if let Some(stored) = stored {
        transaction.rollback().await?;
        return Ok(if stored.fingerprint == keyed.fingerprint {
            Outcome::Repeated(Created {
                location: stored.location,
                body: stored.answer,
            })
        } else {
            Outcome::OtherRequest
        });
    }
    let created = write(&mut transaction).await?;
    sqlx::query!(
        "INSERT INTO idempotency_keys (path, key, fingerprint, location, answer)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (path, key) DO UPDATE SET
             fingerprint = excluded.fingerprint, location = excluded.location,
             answer = excluded.answer, created_at = excluded.created_at",
        keyed.path,
        keyed.key,
        &keyed.fingerprint[..],
        created.location,
        created.body
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Outcome::Done(created))
}

/// Removes keys that are older than 24 hours; how many. Several at once take different ones.
pub async fn remove_expired(db: &mut PgConnection) -> Result<u64, DbError> {
    let mut removed = 0;
    loop {
        let done = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE (path, key) IN (
                 SELECT path, key FROM idempotency_keys
                 WHERE created_at < now() - interval '24 hours'
                 ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
             )",
            BATCH
        )
        .execute(&mut *db)
        .await?;
        removed += done.rows_affected();
        if done.rows_affected() < BATCH.unsigned_abs() {
            return Ok(removed);
        }
    }
}
