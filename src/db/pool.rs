//! Pools of connections to one server, each of which runs the statements of one request at a time.
//!
//! Not by sqlx's own pool: whenever a connection comes back to that, it asks the server whether it is
//! still there, in a task of its own, which is a second round trip for every read. Here a connection
//! comes back only where its use has ended well, and is closed otherwise.

use super::breaker::{Breaker, Passage};
use super::connection::{ServerConnection, within};
use super::error::DbError;
use super::replica::Replica;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, Timeouts};
use scopeguard::ScopeGuard;
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The age at which a connection is replaced: its host name may lead to another server by then, and the
/// server's process has grown.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// The idleness after which a connection is asked whether it is still there before it is written on.
const FRESH: Duration = Duration::from_secs(1);
/// A connection that takes longer to say that it is still there is not.
const PING_TIMEOUT: Duration = Duration::from_millis(500);

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
    ///
    /// As statements that write can be sent only once, a connection that was idle for long is asked
    /// first whether it is still there.
    pub(super) async fn run<T>(
        &self,
        statements: impl AsyncFnOnce(&mut ServerConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let _passage = self.enter()?;
        let mut object = self.get().await?;
        let idle_since = object.last_used;
        if idle_since.is_some_and(|since| since.elapsed() > FRESH)
            && within(PING_TIMEOUT, object.ping()).await.is_err()
        {
            drop(Object::take(object));
            self.close_idle();
            object = self.get().await?;
        }
        lend(object, statements).await
    }

    /// Runs statements that only read, like [`run`](Self::run), and once more on another connection where
    /// the first one broke: an idle one may have died with an earlier start of the server.
    pub(super) async fn read<T>(
        &self,
        statements: impl AsyncFn(&mut ServerConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let _passage = self.enter()?;
        let object = self.get().await?;
        let is_new = object.last_used.is_none();
        match lend(object, &statements).await {
            Err(error) if !is_new && error.is_lost_connection() => {
                // Boxed, because it is rare, and would double what each request's future holds.
                Box::pin(async {
                    self.close_idle();
                    lend(self.get().await?, &statements).await
                })
                .await
            }
            result => result,
        }
    }

    /// Begins a use of the server; an error where it is known to be silent.
    fn enter(&self) -> sqlx::Result<Option<Passage<'_>>> {
        let breaker = self.0.manager().breaker.as_deref();
        breaker.map(Breaker::enter).transpose()
    }

    async fn get(&self) -> Result<Object<Server>, DbError> {
        let object = self.0.get().await.map_err(no_connection);
        if let (Err(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut), Some(breaker)) =
            (&object, &self.0.manager().breaker)
        {
            breaker.suspect();
        }
        Ok(object?)
    }

    /// Closes the idle connections, so that the next one is new: where one of them is dead, all mostly
    /// are.
    pub(super) fn close_idle(&self) {
        self.0.retain(|_, _| false);
    }
}

async fn lend<T>(
    object: Object<Server>,
    statements: impl AsyncFnOnce(&mut ServerConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    // Where this future is dropped on the way, an answer may still be coming, or a transaction be
    // open: the connection is closed.
    let mut lent = scopeguard::guard(object, |object| drop(Object::take(object)));
    let result = statements(&mut lent).await;
    // Where the server refused something, the connection is as good as before as soon as what
    // was begun is rolled back; unless it refused because it is no primary any more.
    let is_usable = match &result {
        Ok(_) => true,
        Err(error) => !error.is_from_replica() && lent.ping().await.is_ok(),
    };
    if is_usable {
        lent.last_used = Some(Instant::now());
        drop(ScopeGuard::into_inner(lent));
    }
    result
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
    /// The longest transaction, where the server has such a limit.
    pub transaction_timeout: &'static str,
    /// The replica, which admits each new connection; `None` for the primary.
    pub replica: Option<Arc<Replica>>,
    /// Ends the use of a server that is known to be silent; `None` where each use has to be tried.
    pub breaker: Option<Arc<Breaker>>,
}

impl managed::Manager for Server {
    type Type = ServerConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<ServerConnection> {
        // Boxed, because it is large, rare, and part of what each request's future holds.
        Box::pin(async {
            let mut connection =
                ServerConnection::open(&self.options, self.transaction_timeout).await?;
            match &self.replica {
                Some(replica) => replica.admit(&mut connection).await?,
                None => _ = connection.history()?,
            }
            Ok(connection)
        })
        .await
    }

    async fn recycle(
        &self,
        connection: &mut ServerConnection,
        metrics: &Metrics,
    ) -> managed::RecycleResult<sqlx::Error> {
        if metrics.age() >= LIFETIME {
            return Err(RecycleError::message("it is old"));
        }
        match &self.replica {
            Some(replica) if !replica.is_watched(connection.server) => {
                Err(RecycleError::message("it leads to another server"))
            }
            _ => Ok(()),
        }
    }
}
