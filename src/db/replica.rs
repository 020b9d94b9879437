//! The state of a replica: how far it has replayed the primary's log, polled in the background so that
//! a read pays nothing for it.

use super::connection::{ServerConnection, ServerId, TRANSACTION_TIMEOUT, lsn, within};
use crate::backoff::Backoff;
use crate::domain::log_position::{History, LogPosition};
use sqlx::postgres::PgConnectOptions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// The time between two polls of a replica.
const POLL_EVERY: Duration = Duration::from_millis(75);
/// The shortest time between two polls, when a read needs a later position than is known: right after a
/// write the replica mostly lacks a few milliseconds.
const POLL_GAP: Duration = Duration::from_millis(5);
/// A replica that takes longer to answer a poll is away.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// The pauses between attempts to reach a replica that is away.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// A replica, as all workers of this process see it.
pub(super) struct Replica {
    /// The number of the replica, counted from 1 in the order of `DATABASE_REPLICA_URLS`.
    number: usize,
    options: PgConnectOptions,
    /// What the last poll found; `None` while the replica is away.
    watched: Mutex<Option<Watched>>,
    /// Ends the pause between polls: a read needs a later position than is known.
    poll_requested: Notify,
    /// Ends the polls: its name leads to another server now.
    has_moved: Notify,
}

/// A replica that is up.
struct Watched {
    /// The server that is polled.
    server: ServerId,
    /// The position up to which it is known to have replayed the log.
    replayed: LogPosition,
}

impl Replica {
    /// A replica that is away until its first poll.
    pub(super) fn new(number: usize, options: PgConnectOptions) -> Self {
        Self {
            number,
            options,
            watched: Mutex::new(None),
            poll_requested: Notify::new(),
            has_moved: Notify::new(),
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

    /// Whether the replica is up and known to have replayed the log up to this position. If it lacks
    /// some of that log, the next poll comes at once.
    pub(super) fn has_replayed(&self, position: LogPosition) -> bool {
        let Some(replayed) = self.watched().as_ref().map(|watched| watched.replayed) else {
            return false;
        };
        let is_reached = position.is_reached_by(replayed);
        if !is_reached && position.history == replayed.history {
            self.poll_requested.notify_one();
        }
        is_reached
    }

    /// Whether this is the server that is watched: what is known of one says nothing of another.
    pub(super) fn is_watched(&self, server: ServerId) -> bool {
        let watched = self.watched();
        watched.as_ref().is_some_and(|known| known.server == server)
    }

    /// Accepts a new connection to the server that is watched, and no other. What it has replayed may be
    /// *less* than was known: a replica that crashed serves again before it has replayed once more all
    /// that it had replayed before.
    pub(super) async fn admit(&self, connection: &mut ServerConnection) -> sqlx::Result<()> {
        let replayed = replayed(connection).await?;
        match self.watched().as_mut() {
            Some(known) if known.server == connection.server => {
                known.replayed = replayed;
                return Ok(());
            }
            Some(_) => self.has_moved.notify_one(),
            None => {}
        }
        let refused = "this server is not the one that is watched";
        Err(sqlx::Error::Protocol(refused.into()))
    }

    /// Sends no reads to the replica until its next successful poll.
    pub(super) fn set_away(&self) {
        *self.watched() = None;
    }

    fn watched(&self) -> MutexGuard<'_, Option<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
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
            let open = ServerConnection::open(&self.options, TRANSACTION_TIMEOUT);
            let mut connection = within(POLL_TIMEOUT, open).await?;
            loop {
                let replayed = within(POLL_TIMEOUT, replayed(&mut connection)).await?;
                let server = connection.server;
                *self.watched() = Some(Watched { server, replayed });
                if polls == 0 {
                    log::info!("replica-{} is up", self.number);
                }
                polls += 1;
                tokio::select! {
                    () = sleep(POLL_EVERY) => {}
                    () = self.poll_requested.notified() => sleep(POLL_GAP).await,
                    () = self.has_moved.notified() => {
                        let moved = "its name leads to another server now";
                        return Err(sqlx::Error::Protocol(moved.into()));
                    }
                }
            }
        };
        let error: Result<std::convert::Infallible, sqlx::Error> = error.await;
        match error {
            Err(error) => (polls, error),
        }
    }
}

/// The position up to which the server behind a connection has replayed the log; an error where it is
/// no replica.
///
/// What PostgreSQL says of the timeline is any of three, each of which is only ever too old: where the log
/// comes from, up to where a crash would have it replayed, and from where. It is read after the number,
/// so that a number of the old timeline may get the new one, which is behind everything that is written
/// there, and never the other way round.
async fn replayed(connection: &mut ServerConnection) -> sqlx::Result<LogPosition> {
    let replayed = sqlx::query!(
        r#"SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS "lsn!",
                  greatest((SELECT received_tli FROM pg_stat_wal_receiver),
                           (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
                           (SELECT timeline_id FROM pg_control_checkpoint())) AS "timeline!"
           WHERE pg_is_in_recovery()"#
    )
    .fetch_optional(&mut **connection)
    .await?
    .ok_or_else(|| sqlx::Error::Protocol("this server is not a replica".into()))?;
    Ok(LogPosition {
        history: History {
            system: connection.server.system,
            timeline: replayed.timeline.cast_unsigned(),
        },
        lsn: lsn(replayed.lsn)?,
    })
}
