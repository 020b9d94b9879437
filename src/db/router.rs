//! The only way to a connection: writes go to the primary, reads to a replica that is known to have
//! replayed what the read must show, else to the primary as well.

use super::connection::connect_options;
use super::error::DbError;
use super::idempotency;
use super::pool::{Pool, Server};
use super::replica::Replica;
use crate::config::DatabaseSettings;
use crate::domain::lsn::Lsn;
use crate::domain::served_from::ServedFrom;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The time that a request waits for a connection to the primary before it is answered with a 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The time that a request waits for a connection and its statements together: a primary that hangs
/// must not hang its clients.
const PRIMARY_TIMEOUT: Duration = Duration::from_millis(4500);
/// The time that a read on a replica may take before it is repeated on the primary.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(1);
/// The time that a read waits for a connection to a replica before it goes to the primary.
const REPLICA_ACQUIRE_TIMEOUT: Duration = Duration::from_millis(300);
/// The time that the primary has to tell its log position.
const POSITION_TIMEOUT: Duration = Duration::from_secs(2);

/// The time that a transaction of an import may take, with its retry after a deadlock.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(300);

/// How often an instance purges expired idempotency keys.
const PURGE_EVERY: Duration = Duration::from_secs(300);

/// The part of the database that the workers of a process share: its settings and the state of the
/// replicas, which background tasks poll until this is dropped.
pub struct Database {
    settings: DatabaseSettings,
    replicas: Vec<Arc<Replica>>,
    /// The background tasks, which end when this is dropped.
    background: JoinSet<()>,
}

impl Database {
    /// Starts a background task for each replica that polls how far it has replayed the log.
    pub fn start(settings: &DatabaseSettings) -> Self {
        let urls = settings.database_replica_urls.iter().enumerate();
        let replicas: Vec<_> = urls
            .map(|(index, url)| Arc::new(Replica::new(index + 1, connect_options(&url.0))))
            .collect();
        let watching = replicas.iter().cloned().map(Replica::keep_watching);
        Self {
            settings: settings.clone(),
            background: watching.collect(),
            replicas,
        }
    }

    /// Starts a background task that purges expired idempotency keys every 5 minutes.
    pub fn purge_expired_keys(mut self) -> Self {
        let primary = connect_options(&self.settings.database_url.0);
        self.background.spawn(async move {
            loop {
                sleep(PURGE_EVERY).await;
                match purge_expired_keys(&primary).await {
                    Ok(0) => {}
                    Ok(purged) => log::info!("purged {purged} expired idempotency keys"),
                    Err(error) => log::warn!("cannot purge expired idempotency keys: {error}"),
                }
            }
        });
        self
    }

    /// The router of one worker of this many, each of which gets an equal share of
    /// `DATABASE_MAX_CONNECTIONS`, and at least one. It connects when it is first used.
    pub fn router(&self, workers: usize) -> Router {
        let most = (self.settings.database_max_connections / workers).max(1);
        let pool = |most| {
            let server = Server {
                options: connect_options(&self.settings.database_url.0),
                replica: None,
            };
            Pool::new(server, most, ACQUIRE_TIMEOUT)
        };
        let replica_pool = |replica: &Arc<Replica>| {
            let server = Server {
                options: replica.options().clone(),
                replica: Some(Arc::clone(replica)),
            };
            Pool::new(server, most, REPLICA_ACQUIRE_TIMEOUT)
        };
        Router {
            primary: pool(most),
            positions: pool(1),
            replicas: self
                .replicas
                .iter()
                .map(|replica| (Arc::clone(replica), replica_pool(replica)))
                .collect(),
            next_replica: Cell::new(0),
            write_timeout: PRIMARY_TIMEOUT,
        }
    }

    /// The router of an import: one connection to the primary, whose transactions may take longer than
    /// those of a request.
    pub fn import_router(&self) -> Router {
        let options = connect_options(&self.settings.database_url.0)
            .application_name("taskfleet import")
            .options([("statement_timeout", "60s"), ("lock_timeout", "60s")]);
        let server = Server {
            options,
            replica: None,
        };
        Router {
            primary: Pool::new(server, 1, ACQUIRE_TIMEOUT),
            write_timeout: IMPORT_TIMEOUT,
            ..self.router(1)
        }
    }
}

async fn purge_expired_keys(primary: &PgConnectOptions) -> Result<u64, DbError> {
    let mut connection: PgConnection = primary.connect().await?;
    let purged = idempotency::purge_expired_keys(&mut connection).await?;
    connection.close().await?;
    Ok(purged)
}

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
    /// The time that a write may take, from waiting for a connection to its commit.
    write_timeout: Duration,
}

impl Router {
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
        position: Option<Lsn>,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<(T, ServedFrom), DbError> {
        if let Some(position) = position
            && let Some((replica, pool)) = self.choose(position)
        {
            let work = pool.run(async |connection| {
                // Looked at again, because a new connection may have found less.
                match replica.has_replayed(position) {
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
        let value = within(PRIMARY_TIMEOUT, self.primary.run(statements)).await?;
        Ok((value, ServedFrom::Primary))
    }

    /// The next replica, in turn, that has replayed the log up to this position; `None` where none has.
    fn choose(&self, position: Lsn) -> Option<&(Arc<Replica>, Pool)> {
        let first = self.next_replica.get();
        let count = self.replicas.len();
        let index = (first..first + count)
            .map(|index| index % count)
            .find(|&index| {
                let replica = self.replicas.get(index);
                replica.is_some_and(|(replica, _)| replica.has_replayed(position))
            })?;
        self.next_replica.set(index + 1);
        self.replicas.get(index)
    }

    /// A function that asks the primary for a log position after every commit that was made before the
    /// call; `None` where the primary is out of reach.
    pub fn ask_position(
        &self,
    ) -> impl Fn() -> BoxFuture<'static, Option<Lsn>> + Send + Sync + 'static {
        let pool = self.positions.clone();
        move || {
            let pool = pool.clone();
            Box::pin(async move {
                let ask = async |connection: &mut PgConnection| Ok(position(connection).await?);
                within(POSITION_TIMEOUT, pool.run(ask))
                    .await
                    .inspect_err(|error| log::warn!("cannot ask the primary's position: {error}"))
                    .ok()
            })
        }
    }
}

/// The log position of the primary behind a connection.
///
/// To be asked after the commit: inside the transaction it lies before the commit's own record. It is
/// the insert position, because the flush position may lie before a commit where `synchronous_commit`
/// is off.
pub async fn position(primary: &mut PgConnection) -> sqlx::Result<Lsn> {
    let position = sqlx::query_scalar!(
        r#"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS "position!""#
    )
    .fetch_one(primary)
    .await?;
    u64::try_from(position)
        .map(Lsn)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into());
    timeout(limit, work).await.unwrap_or_else(late)
}
