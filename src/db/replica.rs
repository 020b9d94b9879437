//! The state of a replica: how far it has replayed the primary's log, polled in the background so that
//! a read pays nothing for it.

use crate::backoff::Backoff;
use crate::domain::log_position::Lsn;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// The time between two polls of a replica.
const POLL_EVERY: Duration = Duration::from_millis(75);
/// The shortest time between two polls, when a read needs a later position than is known: right after a
/// write the replica mostly lacks a few milliseconds.
const POLL_GAP: Duration = Duration::from_millis(5);
/// A replica that takes longer to answer a poll is away.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// The pauses between attempts to reach a replica that is away.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// The position of a replica that is away.
const AWAY: u64 = 0;

/// A replica, as all workers of this process see it.
pub(super) struct Replica {
    /// The number of the replica, counted from 1 in the order of `DATABASE_REPLICA_URLS`.
    number: usize,
    options: PgConnectOptions,
    /// The position up to which the replica is known to have replayed the log, or [`AWAY`].
    replayed: AtomicU64,
    /// Ends the pause between polls: a read needs a later position than is known.
    poll_requested: Notify,
}

impl Replica {
    /// A replica that is away until its first poll.
    pub(super) fn new(number: usize, options: PgConnectOptions) -> Self {
        Self {
            number,
            options,
            replayed: AtomicU64::new(AWAY),
            poll_requested: Notify::new(),
        }
    }

    /// The number of the replica, counted from 1 in the order of `DATABASE_REPLICA_URLS`.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The options of a connection to the replica.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Whether the replica is up and known to have replayed the log up to this position. If not, the
    /// next poll comes at once.
    pub(super) fn has_replayed(&self, position: Lsn) -> bool {
        let replayed = self.replayed.load(Ordering::Acquire);
        let enough = replayed != AWAY && replayed >= position.0;
        if !enough {
            self.poll_requested.notify_one();
        }
        enough
    }

    /// Sets the position that a new connection found, which may be *before* the known one: a replica
    /// that crashed serves again before it has replayed once more all that it had replayed before.
    pub(super) fn begin_at(&self, replayed: Lsn) {
        self.replayed.store(replayed.0, Ordering::Release);
    }

    /// Sends no reads to the replica until its next successful poll.
    pub(super) fn set_away(&self) {
        self.replayed.store(AWAY, Ordering::Release);
    }

    /// Polls the replica for ever, with an exponential backoff while it is away.
    pub(super) async fn keep_watching(self: Arc<Self>) {
        let mut backoff = BACKOFF;
        loop {
            let (polls, error) = self.watch().await;
            self.set_away();
            if polls > 0 {
                backoff.reset();
            }
            log::warn!("replica-{} is away: {error}", self.number);
            sleep(backoff.next_pause()).await;
        }
    }

    /// Polls the replica until a poll fails: the number of polls that succeeded, and the error.
    async fn watch(&self) -> (u64, sqlx::Error) {
        let mut polls = 0;
        let error = async {
            let mut connection: PgConnection = within(self.options.connect()).await?;
            loop {
                let replayed = within(replayed(&mut connection)).await?;
                self.replayed.fetch_max(replayed.0, Ordering::AcqRel);
                if polls == 0 {
                    log::info!("replica-{} is up", self.number);
                }
                polls += 1;
                tokio::select! {
                    () = sleep(POLL_EVERY) => {}
                    () = self.poll_requested.notified() => sleep(POLL_GAP).await,
                }
            }
        };
        let error: Result<std::convert::Infallible, sqlx::Error> = error.await;
        match error {
            Err(error) => (polls, error),
        }
    }
}

async fn within<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(POLL_TIMEOUT, work).await.unwrap_or_else(late)
}

/// The position up to which the server behind a connection has replayed the log; an error where it is
/// no replica.
pub(super) async fn replayed(connection: &mut PgConnection) -> sqlx::Result<Lsn> {
    let replayed = sqlx::query_scalar!(
        "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint WHERE pg_is_in_recovery()"
    )
    .fetch_optional(connection)
    .await?
    .flatten();
    replayed
        .and_then(|position| u64::try_from(position).ok())
        .map(Lsn)
        .ok_or_else(|| sqlx::Error::Protocol("this server is not a replica".into()))
}
