//! Pools of connections to one server, each of which runs the statements of one request at a time.
//!
//! Not by sqlx's own pool: whenever a connection comes back to that, it asks the server whether it is
//! still there, in a task of its own, which is a second round trip for every read. Here a connection
//! comes back only where its use has ended well, and is closed otherwise.

use super::error::DbError;
use super::replica::{Replica, replayed};
use crate::domain::log_position::History;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, Timeouts};
use scopeguard::ScopeGuard;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The age at which a connection is replaced: its host name may lead to another server by then, and the
/// server's process has grown.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A pool of connections to one server, which are made when they are first needed.
#[derive(Clone)]
pub(super) struct Pool(managed::Pool<Server>);

impl Pool {
    /// A pool of at most `max_connections`, for each of which a request waits at most this time.
    pub(super) fn new(server: Server, max_connections: usize, acquire_timeout: Duration) -> Self {
        let pool = managed::Pool::builder(server)
            .max_size(max_connections)
            // Rather few processes of the server, with warm caches, than all of them.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(acquire_timeout),
                create: Some(acquire_timeout),
                recycle: None,
            })
            .runtime(Runtime::Tokio1)
            .build();
        #[expect(
            clippy::expect_used,
            reason = "fails only without a runtime for the time limits"
        )]
        Self(pool.expect("there is a runtime"))
    }

    /// Runs statements on a connection that is theirs alone meanwhile. They have to end what they
    /// begin: where they succeed, no transaction may be left open. A connection whose statements failed
    /// is checked, and one whose future was dropped is closed.
    pub(super) async fn run<T>(
        &self,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let object = self.0.get().await.map_err(no_connection)?;
        // Where this future is dropped on the way, an answer may still be coming, or a transaction be
        // open: the connection is closed.
        let mut lent = scopeguard::guard(object, |object| drop(Object::take(object)));
        let result = statements(&mut lent).await;
        // Where the server refused something, the connection is as good as before as soon as what
        // was begun is rolled back.
        if result.is_ok() || lent.ping().await.is_ok() {
            drop(ScopeGuard::into_inner(lent));
        }
        result
    }
}

impl Pool {
    /// TEMPORARY
    pub(super) async fn run_write<T>(
        &self,
        statements: impl AsyncFnOnce(History, &mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.run(async |connection| {
            let (system, timeline): (i64, i32) = sqlx::query_as("SELECT (pg_control_system()).system_identifier, (pg_control_checkpoint()).timeline_id").fetch_one(&mut *connection).await?;
            statements(History { system: system as u64, timeline: timeline as u32 }, connection).await
        }).await
    }
}

fn no_connection(error: PoolError<sqlx::Error>) -> sqlx::Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
        other => sqlx::Error::Io(io::Error::other(other)),
    }
}

/// The server that the connections of a pool are made to.
pub(super) struct Server {
    /// The options of each connection.
    pub options: PgConnectOptions,
    /// The state of the replica, which each new connection updates; `None` for the primary.
    pub replica: Option<Arc<Replica>>,
}

impl managed::Manager for Server {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<PgConnection> {
        // Boxed, because it is large, rare, and part of what each request's future holds.
        Box::pin(async {
            let mut connection = self.options.connect().await?;
            if let Some(replica) = &self.replica {
                replica.begin_at(replayed(&mut connection).await?);
            }
            Ok(connection)
        })
        .await
    }

    async fn recycle(
        &self,
        _: &mut PgConnection,
        metrics: &Metrics,
    ) -> managed::RecycleResult<sqlx::Error> {
        (metrics.age() < LIFETIME)
            .then_some(())
            .ok_or(RecycleError::message("it is old"))
    }
}
