//! The only way to a connection: writes go to the primary, reads to a replica that is known to have
//! replayed what the read must show, else to the primary as well.

use super::connection::within;
use super::error::DbError;
use super::pool::Pool;
use super::positions::{RecentPosition, position};
use super::replica::Replica;
use crate::domain::log_position::LogPosition;
use crate::domain::served_from::ServedFrom;
use futures_util::future::BoxFuture;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// The time that a request waits for a connection and its statements together: a primary that hangs
/// must not hang its clients.
const PRIMARY_TIMEOUT: Duration = Duration::from_millis(4500);
/// The time that a read on a replica may take before it is repeated on the primary.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(1);
/// The time that the primary has to tell its log position.
const POSITION_TIMEOUT: Duration = Duration::from_secs(2);

/// One worker's router of statements to the primary or a replica.
///
/// It has pools of its own: a connection lives on the runtime that opened it, and in a shared pool it
/// would die under another worker's request when its own worker, with nothing left to do, ends
/// first. It also spares requests the way to another thread and back.
pub struct Router {
    primary: Pool,
    /// The connection for questions for the primary's position, which must not queue behind the writes
    /// that wait for their answers.
    positions: Pool,
    replicas: Vec<(Arc<Replica>, Pool)>,
    /// The index of the replica whose turn it is.
    next_replica: Cell<usize>,
    /// What a replica must have replayed beside what a read asks for.
    recent_position: Arc<RecentPosition>,
    /// The time that a write may take, from waiting for a connection to its commit.
    write_timeout: Duration,
}

impl Router {
    /// A router to the primary, with a pool for the questions for its position, and these replicas.
    pub(super) fn new(
        primary: Pool,
        positions: Pool,
        replicas: Vec<(Arc<Replica>, Pool)>,
        recent_position: Arc<RecentPosition>,
    ) -> Self {
        Self {
            primary,
            positions,
            replicas,
            next_replica: Cell::new(0),
            recent_position,
            write_timeout: PRIMARY_TIMEOUT,
        }
    }

    /// The same router with another pool for the primary, where a write may take this time.
    pub(super) fn writing_on(self, primary: Pool, write_timeout: Duration) -> Self {
        Self {
            primary,
            write_timeout,
            ..self
        }
    }

    /// Whether there are replicas to read from.
    pub fn has_replicas(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Runs statements that write, in one transaction on the primary, and commits it.
    ///
    /// Nothing is begun ([`DbError::ClientDisconnected`]) where `client_disconnected` returns true once
    /// there is a connection. Statements that lost a deadlock are run once more, in another
    /// transaction. An error means that nothing was written, except [`DbError::OutcomeUnknown`].
    pub async fn write<T>(
        &self,
        client_disconnected: impl Fn() -> bool,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut is_committing = false;
        let work = self.primary.run(async |connection| {
            if client_disconnected() {
                return Err(DbError::ClientDisconnected);
            }
            let mut is_retry = false;
            loop {
                let mut transaction = connection.begin().await?;
                match statements(&mut transaction).await {
                    Ok(value) => {
                        is_committing = true;
                        transaction.commit().await?;
                        return Ok(value);
                    }
                    Err(error) => {
                        // Where this fails, the pool closes the connection; the first error tells more.
                        let rolled_back = transaction.rollback().await;
                        if is_retry || !error.is_deadlock() || rolled_back.is_err() {
                            return Err(error);
                        }
                        is_retry = true;
                    }
                }
            }
        });
        match within(self.write_timeout, work).await {
            // What the server said is known, and so is that nothing was done where it was not asked to
            // commit; but where the connection breaks during a commit, it may have been carried out.
            Err(DbError::Unavailable(error))
                if is_committing && error.as_database_error().is_none() =>
            {
                Err(DbError::OutcomeUnknown(Some(error)))
            }
            result => result,
        }
    }

    /// Runs statements that only read, on a replica that shows everything up to this position, the
    /// replicas taking turns, or else on the primary: where no position is known, no replica has
    /// replayed it, or the replica fails.
    pub async fn read<T>(
        &self,
        position: Option<LogPosition>,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<(T, ServedFrom), DbError> {
        if let Some(position) = position
            && let Some((replica, pool)) = self.choose(position)
        {
            let work = pool.read(async |connection| {
                // Looked at again, because a new connection may have found less.
                let is_same = replica.is_watched(connection.server);
                match is_same && self.shows(replica, position) {
                    true => statements(connection).await.map(Some),
                    false => Ok(None),
                }
            });
            match within(REPLICA_TIMEOUT, work).await {
                Ok(Some(value)) => return Ok((value, ServedFrom::Replica(replica.number()))),
                Ok(None) => {}
                Err(error) => {
                    replica.set_away();
                    log::warn!(
                        "a read failed on replica-{} and goes to the primary: {error}",
                        replica.number()
                    );
                }
            }
        }
        let work = self
            .primary
            .read(async |connection| statements(connection).await);
        let value = within(PRIMARY_TIMEOUT, work).await?;
        Ok((value, ServedFrom::Primary))
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

    /// A function that asks the primary for a log position after every commit that was made before the
    /// call; `None` where the primary is out of reach.
    pub fn ask_position(
        &self,
    ) -> impl Fn() -> BoxFuture<'static, Option<LogPosition>> + Send + Sync + 'static {
        let pool = self.positions.clone();
        move || {
            let pool = pool.clone();
            Box::pin(async move {
                let ask = pool.read(async |primary| Ok(position(primary).await?));
                within(POSITION_TIMEOUT, ask)
                    .await
                    .inspect_err(|error| log::warn!("cannot ask the primary's position: {error}"))
                    .ok()
            })
        }
    }
}
