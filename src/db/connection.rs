//! Connections to PostgreSQL: their options, and what each knows of the server that it leads to.

use crate::domain::log_position::{History, Lsn};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor};
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A connection to the primary or a replica.
pub use sqlx::postgres::PgConnection as Connection;

/// The longest transaction of a request, where the server has such a limit.
pub(super) const TRANSACTION_TIMEOUT: &str = "5s";

/// The options of every connection, on top of what the URL says.
///
/// No statement of the API may hang: one that takes longer than `statement_timeout` is cancelled
/// and answered with a 503. Compiling a query costs more than any query of ours takes (`jit`).
pub(super) fn connect_options(url: &PgConnectOptions) -> PgConnectOptions {
    url.clone().application_name("taskfleet").options([
        ("jit", "off"),
        ("statement_timeout", "4s"),
        ("lock_timeout", "3s"),
        // A transaction of an instance that was frozen must not block others.
        ("idle_in_transaction_session_timeout", "2s"),
        // Planning a list costs more than running it, and its index is the same whatever the values.
        ("plan_cache_mode", "force_generic_plan"),
        // The session of an instance whose host is gone must not, or its peers would wait for its answer.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        // The statement of an instance that was killed must not live on.
        ("client_connection_check_interval", "2s"),
    ])
}

/// A server from one start to the next: a host name may lead to another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerId {
    /// The identifier of its database cluster, which its replicas have too.
    pub system: u64,
    /// The time at which it was started.
    started: DateTime<Utc>,
}

/// A connection to the primary or a replica, and what is known of the server behind it.
pub(crate) struct ServerConnection {
    connection: Connection,
    pub(super) server: ServerId,
    /// The history that the log of the primary behind this connection tells, as long as the connection
    /// lives: a server gets another one only by a start or a promotion. `None` where it was a replica
    /// when the connection was made.
    history: Option<History>,
    /// The time at which its last use has ended; `None` where it is new.
    pub(super) last_used: Option<Instant>,
}

impl ServerConnection {
    /// Makes a connection and asks the server what it is, in one round trip.
    pub(super) async fn open(
        options: &PgConnectOptions,
        transaction_timeout: &str,
    ) -> sqlx::Result<Self> {
        let mut connection: Connection = options.connect().await?;
        // As an option, `transaction_timeout` would be refused by a server older than 17.
        let found = sqlx::query!(
            r#"SELECT (SELECT system_identifier FROM pg_control_system()) AS "system!",
                      pg_postmaster_start_time() AS "started!",
                      CASE WHEN NOT pg_is_in_recovery()
                           THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline,
                      CASE WHEN current_setting('server_version_num')::int >= 170000
                           THEN set_config('transaction_timeout', $1, false) END AS timeout"#,
            transaction_timeout
        )
        .fetch_one(&mut connection)
        .await?;
        let server = ServerId {
            system: found.system.cast_unsigned(),
            started: found.started,
        };
        let history = |timeline: String| {
            let timeline = u32::from_str_radix(&timeline, 16);
            timeline.map(|timeline| History {
                system: server.system,
                timeline,
            })
        };
        let history = found.timeline.map(history).transpose();
        Ok(Self {
            connection,
            server,
            history: history.map_err(|error| sqlx::Error::Decode(error.into()))?,
            last_used: None,
        })
    }

    /// The history that the log of the primary behind this connection tells; an error where the server
    /// is none.
    pub(crate) fn history(&self) -> sqlx::Result<History> {
        let refused = || sqlx::Error::Protocol("this server is not a primary".into());
        self.history.ok_or_else(refused)
    }
}

impl Deref for ServerConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for ServerConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// The result of a statement that is planned for its values: two round trips more, for a statement of
/// which one plan does not suit all values.
pub(super) async fn planned_for_values<T>(
    db: &mut Connection,
    statement: impl AsyncFnOnce(&mut Connection) -> sqlx::Result<T>,
) -> sqlx::Result<T> {
    db.execute("SET plan_cache_mode = auto").await?;
    let result = statement(db).await;
    // Back to the option that the connection was made with.
    let reset = db.execute("RESET plan_cache_mode").await;
    result.and_then(|value| reset.map(|_| value))
}

/// A position in a log, of the number that PostgreSQL says.
pub(super) fn lsn(number: i64) -> sqlx::Result<Lsn> {
    u64::try_from(number)
        .map(Lsn)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The result of work that has failed where it takes longer than this.
pub(super) async fn within<T, E: From<sqlx::Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into());
    timeout(limit, work).await.unwrap_or_else(late)
}
