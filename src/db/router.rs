//! The only way to a connection: writes go to the primary, reads to a replica that is known to have
//! replayed what the read must show, else to the primary as well.

use super::connection::within;
use super::error::DbError;
use super::pool::Pool;
use super::positions::RecentPosition;
use super::questions::Questions;
use super::replica::Replica;
use crate::domain::log_position::LogPosition;
use crate::domain::served_from::ServedFrom;
use sqlx::postgres::PgConnection;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// The time that a request waits for a connection and its statements together: a primary that hangs
/// must not hang its clients.
const PRIMARY_TIMEOUT: Duration = Duration::from_millis(4500);
/// The time that a read on a replica may take before it is repeated on the primary.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(1);
/// One worker's router of statements to the primary or a replica.
///
/// It has pools of its own: a connection lives on the runtime that opened it, and in a shared pool it
/// would die under another worker's request when its own worker, with nothing left to do, ends
/// first. It also spares requests the way to another thread and back.
pub struct Router {
    primary: Pool,
    questions: Questions,
    replicas: Vec<(Arc<Replica>, Pool)>,
    /// The index of the replica whose turn it is.
    next_replica: Cell<usize>,
    /// What a replica must have replayed beside what a read asks for.
    recent_position: Arc<RecentPosition>,
    /// The time that a write may take, from waiting for a connection to its commit.
    write_limit: Duration,
}

impl Router {
    /// A router to the primary, with a way to ask it, and these replicas.
    pub(super) fn new(
        primary: Pool,
        questions: Questions,
        replicas: Vec<(Arc<Replica>, Pool)>,
        recent_position: Arc<RecentPosition>,
    ) -> Self {
        Self {
            primary,
            questions,
            replicas,
            next_replica: Cell::new(0),
            recent_position,
            write_limit: PRIMARY_TIMEOUT,
        }
    }

    /// The same router with another pool for the primary, where a write may take this time.
    pub(super) fn writing_on(self, primary: Pool, write_limit: Duration) -> Self {
        Self {
            primary,
            write_limit,
            ..self
        }
    }

    /// Whether there are replicas to read from.
    pub fn has_replicas(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// The connections to the primary.
    pub(super) fn primary(&self) -> &Pool {
        &self.primary
    }

    /// The questions for the primary, over connections of their own.
    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    /// The time that a write may take, from waiting for a connection to its commit.
    pub fn write_limit(&self) -> Duration {
        self.write_limit
    }

    /// Runs statements that only read on a replica that shows everything up to this position, the replicas
    /// taking turns; `None` where none does, or where the replica fails.
    pub async fn read_replica<T>(
        &self,
        position: LogPosition,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Option<(T, ServedFrom)> {
        let (replica, pool) = self.choose(position)?;
        let work = pool.read(async |connection| {
            // Looked at again, because a new connection may have found less.
            let is_same = replica.is_watched(connection.server);
            match is_same && self.shows(replica, position) {
                true => statements(connection).await.map(Some),
                false => Ok(None),
            }
        });
        let value = within(REPLICA_TIMEOUT, work)
            .await
            .unwrap_or_else(|error| {
                replica.set_away();
                log::warn!(
                    "a read failed on replica-{} and goes to the primary: {error}",
                    replica.number()
                );
                None
            })?;
        Some((value, ServedFrom::Replica(replica.number())))
    }

    /// Runs statements that only read, on the primary.
    pub async fn read_primary<T>(
        &self,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let work = self
            .primary
            .read(async |connection| statements(connection).await);
        within(PRIMARY_TIMEOUT, work).await
    }

    /// The next replica, in turn, that shows everything up to this position; `None` where none does.
    fn choose(&self, position: LogPosition) -> Option<&(Arc<Replica>, Pool)> {
        let first = self.next_replica.get();
        let count = self.replicas.len();
        let index = (first..first + count)
            .map(|index| index % count)
            .find(|&index| {
                let replica = self.replicas.get(index);
                replica.is_some_and(|(replica, _)| self.shows(replica, position))
            })?;
        self.next_replica.set(index + 1);
        self.replicas.get(index)
    }

    /// Whether a replica has replayed the log up to this position, and to the primary's recent one.
    fn shows(&self, replica: &Replica, position: LogPosition) -> bool {
        replica.has_replayed(position)
            && self
                .recent_position
                .get()
                .is_some_and(|recent| replica.has_replayed(recent))
    }
}
