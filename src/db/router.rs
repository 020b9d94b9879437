//! The only way to a connection: writes go to the primary, reads to a replica that is known to have
//! replayed what the read must show, else to the primary as well.

use super::pool::{Pool, Server};
use super::replica::Replica;
use super::{DbError, connect_options, idempotency};
use crate::config::DatabaseSettings;
use crate::domain::lsn::Lsn;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a request waits for a connection before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long it waits for a connection and its statements together: a primary that hangs must not
/// hang its clients.
const PRIMARY_TIMEOUT: Duration = Duration::from_millis(4500);
/// How long a replica may take, and how long to connect to it, before the primary is asked instead.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(1);
const REPLICA_ACQUIRE_TIMEOUT: Duration = Duration::from_millis(300);
/// How long the primary may take to say how far its log is.
const POSITION_TIMEOUT: Duration = Duration::from_secs(2);

/// How often an instance looks for expired idempotency keys.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Where a read was answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The primary.
    Primary,
    /// The replica with this number, from 1.
    Replica(usize),
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary => out.write_str("primary"),
            Self::Replica(number) => write!(out, "replica-{number}"),
        }
    }
}

/// What an instance's workers share of the database: what is known of the replicas, which are
/// watched for as long as this is there.
pub struct Database {
    settings: DatabaseSettings,
    replicas: Vec<Arc<Replica>>,
    /// Ends with this.
    background: JoinSet<()>,
}

impl Database {
    /// Begins to watch the replicas.
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

    /// Removes expired idempotency keys now and then, for as long as this is there.
    pub fn keep_tidy(mut self) -> Self {
        let primary = connect_options(&self.settings.database_url.0);
        self.background.spawn(async move {
            loop {
                sleep(TIDY_EVERY).await;
                match tidy(&primary).await {
                    Ok(0) => {}
                    Ok(removed) => log::info!("removed {removed} expired idempotency keys"),
                    Err(error) => log::warn!("cannot remove expired idempotency keys: {error}"),
                }
            }
        });
        self
    }

    /// The router of one of so many workers, which share what connections the process may have to
    /// each server. It connects when first used.
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
            turn: Cell::new(0),
        }
    }
}

async fn tidy(primary: &PgConnectOptions) -> Result<u64, DbError> {
    let mut connection: PgConnection = primary.connect().await?;
    let removed = idempotency::remove_expired(&mut connection).await?;
    connection.close().await?;
    Ok(removed)
}

/// One worker's way to the database.
///
/// A pool for each worker: a connection lives on the runtime that opened it, and in a shared pool it
/// would die under another worker's request when its own worker, with nothing left to do, ends
/// first. It also spares requests the way to another thread and back.
pub struct Router {
    primary: Pool,
    /// A connection of its own for asking the primary's position, which must not queue behind the
    /// writes that wait for it.
    positions: Pool,
    replicas: Vec<(Arc<Replica>, Pool)>,
    /// Whose turn it is.
    turn: Cell<usize>,
}

impl Router {
    /// Whether there are replicas to read from, so that it is worth knowing a position.
    pub fn has_replicas(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Runs statements that change something, on the primary, if they are still wanted when a
    /// connection is there.
    pub async fn write<T>(
        &self,
        is_wanted: impl Fn() -> bool,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut begun = false;
        let work = self.primary.run(async |connection| {
            if !is_wanted() {
                return Err(DbError::Unwanted);
            }
            begun = true;
            statements(connection).await
        });
        let done = within(PRIMARY_TIMEOUT, work).await;
        match done {
            // What the server said is settled; where the connection broke, nobody knows.
            Err(DbError::Unavailable(error)) if begun && error.as_database_error().is_none() => {
                Err(DbError::Unsettled(error))
            }
            done => done,
        }
    }

    /// Runs statements that only read, on a replica that shows everything up to this position, the
    /// replicas taking turns, or else on the primary: where no position is known, no replica has
    /// replayed it, or the replica fails.
    pub async fn read<T>(
        &self,
        position: Option<Lsn>,
        statements: impl AsyncFn(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<(T, Source), DbError> {
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
                Ok(Some(value)) => return Ok((value, Source::Replica(replica.number()))),
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
        Ok((value, Source::Primary))
    }

    /// The next replica that shows everything up to there.
    fn choose(&self, position: Lsn) -> Option<&(Arc<Replica>, Pool)> {
        let first = self.turn.get();
        let count = self.replicas.len();
        let index = (first..first + count)
            .map(|index| index % count)
            .find(|&index| {
                let replica = self.replicas.get(index);
                replica.is_some_and(|(replica, _)| replica.has_replayed(position))
            })?;
        self.turn.set(index + 1);
        self.replicas.get(index)
    }

    /// What asks the primary for a position up to which its log holds every commit that was made
    /// before; `None` where the primary is out of reach.
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

/// How far the log of the primary behind a connection is.
///
/// To be asked after the commit: inside the transaction it lies before the commit's own record.
/// Where the log is inserted and not where it is flushed, which may lie before a commit where
/// `synchronous_commit` is off.
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
