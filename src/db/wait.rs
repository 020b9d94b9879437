//! Waiting for PostgreSQL at start.

use super::connection::connect_options;
use super::error::DbError;
use crate::backoff::Backoff;
use crate::config::DatabaseSettings;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The pauses between attempts to connect.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
/// An attempt to connect that takes longer has failed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Waits until the primary accepts a connection, with an exponential backoff; the last error where it
/// does not within `DATABASE_WAIT_SECONDS`.
pub async fn until_reachable(settings: &DatabaseSettings) -> Result<(), DbError> {
    let deadline = Instant::now() + settings.database_wait;
    let mut backoff = BACKOFF;
    loop {
        let attempt = timeout(ATTEMPT_TIMEOUT, attempt(settings)).await;
        let error = match attempt {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(io::ErrorKind::TimedOut.into()),
        };
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Err(error.into());
        }
        log::warn!(
            "PostgreSQL cannot be reached yet, trying for another {} s: {error}",
            remaining.as_secs()
        );
        sleep(backoff.next_pause().min(remaining)).await;
    }
}

async fn attempt(settings: &DatabaseSettings) -> sqlx::Result<()> {
    let options = connect_options(&settings.database_url.0);
    let connection: PgConnection = options.connect().await?;
    connection.close().await
}
