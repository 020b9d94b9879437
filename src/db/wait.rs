//! Waiting for PostgreSQL at start.

use super::{DbError, connect_options};
use crate::config::DatabaseSettings;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The pauses between attempts grow from the first to the last of these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// An attempt that takes longer has failed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Waits until the primary can be connected to, with growing pauses; the last error where it cannot
/// within `DATABASE_WAIT_SECONDS`.
pub async fn until_reachable(settings: &DatabaseSettings) -> Result<(), DbError> {
    let deadline = Instant::now() + Duration::from_secs(settings.database_wait_seconds);
    let (mut pause, longest) = PAUSES;
    loop {
        let attempt = timeout(ATTEMPT_TIMEOUT, attempt(settings)).await;
        let error = match attempt {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(io::ErrorKind::TimedOut.into()),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(error.into());
        }
        log::warn!(
            "PostgreSQL cannot be reached yet, trying for another {} s: {error}",
            left.as_secs()
        );
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(longest);
    }
}

async fn attempt(settings: &DatabaseSettings) -> sqlx::Result<()> {
    let options = connect_options(&settings.database_url.0);
    let connection: PgConnection = options.connect().await?;
    connection.close().await
}
