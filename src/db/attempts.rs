//! Writes that come twice: the id of each request that was carried out, written in the transaction of its
//! write, so that a second try of it finds out.

use super::error::DbError;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// The number of rows that one statement purges, so that none holds many locks for long.
const BATCH: i64 = 1000;

/// A try of a request to write.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The id of the request, the same on every try.
    pub request: Uuid,
    /// The table of the resource that the request creates; `None` where it creates nothing.
    pub creates: Option<&'static str>,
}

/// A try that is the first of its request, in its transaction.
pub(super) struct Begun {
    /// The id for the resource that the request creates.
    pub new_id: Option<i64>,
    /// The id of the transaction.
    pub transaction_id: u64,
}

/// Notes in a transaction that this request is being carried out, before anything else.
///
/// Waits for the end of another try of the same request. Fails with [`DbError::AlreadyDone`] where that
/// was carried out, and with [`DbError::OutcomeUnknown`] where it does not end in time.
pub(super) async fn begin(
    transaction: &mut PgConnection,
    attempt: &Attempt,
) -> Result<Begun, DbError> {
    let begun = sqlx::query!(
        r#"INSERT INTO attempts (id, resource_id)
           VALUES ($1, CASE WHEN $2::text IS NOT NULL
                       THEN nextval(pg_get_serial_sequence($2, 'id')) END)
           ON CONFLICT (id) DO NOTHING
           RETURNING resource_id, pg_current_xact_id()::text AS "transaction_id!""#,
        attempt.request,
        attempt.creates,
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(waited_in_vain)?;
    if let Some(begun) = begun {
        return Ok(Begun {
            new_id: begun.resource_id,
            transaction_id: parsed(&begun.transaction_id)?,
        });
    }
    let created = sqlx::query_scalar!(
        "SELECT resource_id FROM attempts WHERE id = $1",
        attempt.request
    )
    .fetch_optional(transaction)
    .await?;
    Err(DbError::AlreadyDone(created.flatten()))
}

/// An error of a try that waited for another one's end: what became of that is not known.
fn waited_in_vain(error: sqlx::Error) -> DbError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        // lock_not_available, query_canceled: the time limits of waiting.
        Some("55P03" | "57014") => DbError::OutcomeUnknown(Some(error)),
        _ => error.into(),
    }
}

/// The id of this connection's transaction, which gets one by this if it has none yet.
pub(super) async fn transaction_id(transaction: &mut PgConnection) -> Result<u64, DbError> {
    let id = sqlx::query_scalar!(r#"SELECT pg_current_xact_id()::text AS "id!""#)
        .fetch_one(transaction)
        .await?;
    parsed(&id)
}

fn parsed(id: &str) -> Result<u64, DbError> {
    id.parse()
        .map_err(|error: std::num::ParseIntError| sqlx::Error::Decode(error.into()).into())
}

/// Deletes the rows that are older than ten minutes, much longer than NGINX tries, and returns their
/// number. Concurrent calls delete different rows.
pub async fn purge(db: &mut PgConnection) -> Result<u64, DbError> {
    let mut purged = 0;
    loop {
        let done = sqlx::query!(
            "DELETE FROM attempts WHERE id IN (
                 SELECT id FROM attempts WHERE created_at < now() - interval '10 minutes'
                 LIMIT $1 FOR UPDATE SKIP LOCKED
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
