//! Connections to one server, each lent to one user at a time.
//!
//! Not by sqlx's own pool: whenever a connection comes back to that, it asks the server whether it is
//! still there, in a task of its own, which is a second round trip for every read. Here a connection
//! comes back only where its use has ended well, and is closed otherwise.

use super::error::DbError;
use super::replica::{Replica, replayed};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, Timeouts};
use scopeguard::ScopeGuard;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection is used: where a name leads to, and what a process of the server has piled
/// up, change with time.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Connections to one server, which are made when they are first needed.
#[derive(Clone)]
pub struct Pool(managed::Pool<Server>);

impl Pool {
    /// At most so many connections, for each of which a user waits so long at most.
    pub fn new(server: Server, most: usize, patience: Duration) -> Self {
        let pool = managed::Pool::builder(server)
            .max_size(most)
            // Rather few processes of the server, with warm caches, than all of them.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(patience),
                create: Some(patience),
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

    /// Runs statements on a connection that is theirs alone meanwhile. They have to end what they begin:
    /// where they succeed, no transaction may be left open.
    pub async fn run<T>(
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

fn no_connection(error: PoolError<sqlx::Error>) -> sqlx::Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
        other => sqlx::Error::Io(io::Error::other(other)),
    }
}

/// What connections are made to.
pub struct Server {
    /// How to connect.
    pub options: PgConnectOptions,
    /// The replica that it is, if it is one: each new connection tells what that has replayed.
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
