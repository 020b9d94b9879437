//! Positions in the primary's log: what a replica must have replayed.

use super::connection::{ServerConnection, TRANSACTION_TIMEOUT, lsn, within};
use crate::domain::log_position::LogPosition;
use sqlx::postgres::PgConnectOptions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The time between two questions for the position.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A primary that takes longer to answer a question could not be asked.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// The age at which the last question says nothing any more: this process was held up.
const OUTDATED: Duration = Duration::from_secs(2);

/// The position of the primary behind a connection.
///
/// To be asked after a commit that it is to stand for: inside the transaction it lies before the commit's
/// own record. It is the insert position, because the flush position may lie before a commit where
/// `synchronous_commit` is off.
pub(super) async fn position(primary: &mut ServerConnection) -> sqlx::Result<LogPosition> {
    let history = primary.history()?;
    let number = sqlx::query_scalar!(
        r#"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS "position!""#
    )
    .fetch_one(&mut **primary)
    .await?;
    let lsn = lsn(number)?;
    Ok(LogPosition { history, lsn })
}

/// The position that this process asked the primary for within the last second or two.
///
/// A replica must have replayed it beside the one in Redis: an instance that is cut off from Redis leaves
/// no positions there, and what it wrote must not be missing from reads for longer than this.
pub(super) struct RecentPosition {
    primary: PgConnectOptions,
    state: Mutex<Option<Asked>>,
}

/// What became of the questions.
#[derive(Clone, Copy)]
struct Asked {
    /// The last answer.
    position: LogPosition,
    /// The time at which the last question was asked, whether or not it was answered.
    at: Instant,
}

impl RecentPosition {
    /// The position of this primary, which is not known until it is asked.
    pub(super) fn new(primary: PgConnectOptions) -> Self {
        let state = Mutex::new(None);
        Self { primary, state }
    }

    /// The position; `None` where it is not known or too old to say anything.
    ///
    /// Where the primary could not be asked, the last answer counts on: no write can be acknowledged
    /// without the primary, so there is none that a replica could lack.
    pub(super) fn get(&self) -> Option<LogPosition> {
        let asked = *self.state();
        asked
            .filter(|asked| asked.at.elapsed() < OUTDATED)
            .map(|asked| asked.position)
    }

    /// Asks the primary for ever.
    pub(super) async fn keep_asking(self: Arc<Self>) {
        let mut connection = None;
        loop {
            let at = Instant::now();
            match within(ASK_TIMEOUT, self.ask(&mut connection)).await {
                Ok(found) => self.learn(found, at),
                Err(error) => {
                    log::debug!("cannot ask the primary's position: {error}");
                    connection = None;
                    if let Some(asked) = self.state().as_mut() {
                        asked.at = at;
                    }
                }
            }
            sleep_until(at + ASK_EVERY).await;
        }
    }

    /// Asks on this connection, or on a new one where there is none.
    async fn ask(&self, connection: &mut Option<ServerConnection>) -> sqlx::Result<LogPosition> {
        let connection = match connection {
            Some(connection) => connection,
            None => {
                connection.insert(ServerConnection::open(&self.primary, TRANSACTION_TIMEOUT).await?)
            }
        };
        position(connection).await
    }

    fn learn(&self, found: LogPosition, at: Instant) {
        let mut state = self.state();
        // Not the older one, where the primary's name leads to one that was replaced.
        let position = state.map_or(found, |asked| asked.position.later(found));
        *state = Some(Asked { position, at });
    }

    fn state(&self) -> MutexGuard<'_, Option<Asked>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
