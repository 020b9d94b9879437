//! The only way to a connection: writes go to the primary, reads to a replica that is known to have
//! replayed what the read must show, else to the primary as well.

use super::connection::connect_options;
use super::error::DbError;
use super::pool::{Pool, Server};
use super::questions::Questions;
use super::replica::Replica;
use super::{attempts, idempotency};
use crate::config::DatabaseSettings;
use crate::domain::log_position::LogPosition;
use crate::domain::log_position::Lsn;
use crate::domain::served_from::ServedFrom;
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
/// The number of connections for questions: one for the positions that writes wait for, one for what became
/// of transactions.
const QUESTION_CONNECTIONS: usize = 2;

/// The time that a transaction of an import may take, with its retry after a deadlock.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(300);

/// How often an instance purges what has expired.
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

    /// Starts a background task that purges expired idempotency keys and old attempts every 5 minutes.
    pub fn purge_expired(mut self) -> Self {
        let primary = connect_options(&self.settings.database_url.0);
        self.background.spawn(async move {
            loop {
                sleep(PURGE_EVERY).await;
                match purge(&primary).await {
                    Ok((0, 0)) => {}
                    Ok((keys, attempts)) => log::info!(
                        "purged {keys} expired idempotency keys and {attempts} old attempts"
                    ),
                    Err(error) => log::warn!("cannot purge what has expired: {error}"),
                }
            }
        });
        self
    }

    /// The settings that this was started with.
    pub fn settings(&self) -> &DatabaseSettings {
        &self.settings
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
            questions: Questions::new(pool(QUESTION_CONNECTIONS)),
            replicas: self
                .replicas
                .iter()
                .map(|replica| (Arc::clone(replica), replica_pool(replica)))
                .collect(),
            next_replica: Cell::new(0),
            write_limit: PRIMARY_TIMEOUT,
        }
    }

    /// Questions for the primary over connections of their own, for a task that belongs to no worker.
    pub fn questions(&self) -> Questions {
        let server = Server {
            options: connect_options(&self.settings.database_url.0),
            replica: None,
        };
        Questions::new(Pool::new(server, QUESTION_CONNECTIONS, ACQUIRE_TIMEOUT))
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
            write_limit: IMPORT_TIMEOUT,
            ..self.router(1)
        }
    }
}

async fn purge(primary: &PgConnectOptions) -> Result<(u64, u64), DbError> {
    let mut connection: PgConnection = primary.connect().await?;
    let keys = idempotency::purge_expired_keys(&mut connection).await?;
    let attempts = attempts::purge(&mut connection).await?;
    connection.close().await?;
    Ok((keys, attempts))
}

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
    /// The time that a write may take, from waiting for a connection to its commit.
    write_limit: Duration,
}

impl Router {
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

    /// Runs statements that only read on a replica that has replayed the log up to this position, the
    /// replicas taking turns; `None` where none has, or where the replica fails.
    pub async fn read_replica<T>(
        &self,
        position: LogPosition,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Option<(T, ServedFrom)> {
        let position = position.lsn;
        let position = Lsn(position.0);
        let (replica, pool) = self.choose(position)?;
        let work = pool.run(async |connection| {
            // Looked at again, because a new connection may have found less.
            match replica.has_replayed(position) {
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
        within(PRIMARY_TIMEOUT, self.primary.run(statements)).await
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
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into());
    timeout(limit, work).await.unwrap_or_else(late)
}
