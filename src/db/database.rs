//! What the workers of a process share of the database: its settings, and what background tasks find out.

use super::breaker::Breaker;
use super::connection::{ServerConnection, TRANSACTION_TIMEOUT, connect_options, within};
use super::error::DbError;
use super::pool::{Pool, Server};
use super::positions::RecentPosition;
use super::questions::Questions;
use super::replica::Replica;
use super::router::Router;
use super::{attempts, idempotency};
use crate::config::DatabaseSettings;
use sqlx::postgres::PgConnectOptions;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The time that a request waits for a connection to the primary before it is answered with a 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The time that a read waits for a connection to a replica before it goes to the primary.
const REPLICA_ACQUIRE_TIMEOUT: Duration = Duration::from_millis(300);

/// The time that a transaction of an import may take, with its retry after a deadlock.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(300);
/// The same, as PostgreSQL reads it.
const IMPORT_TRANSACTION_TIMEOUT: &str = "300s";

/// The number of connections for questions: one for the positions that writes wait for, one for what became
/// of transactions.
const QUESTION_CONNECTIONS: usize = 2;

/// How often an instance purges what has expired.
const PURGE_EVERY: Duration = Duration::from_secs(300);
/// A purge that takes longer is given up until the next one.
const PURGE_TIMEOUT: Duration = Duration::from_secs(30);

/// The part of the database that the workers of a process share: its settings and the state of the
/// replicas, which background tasks poll until this is dropped.
pub struct Database {
    settings: DatabaseSettings,
    replicas: Vec<Arc<Replica>>,
    recent_position: Arc<RecentPosition>,
    breaker: Arc<Breaker>,
    /// The background tasks, which end when this is dropped.
    background: JoinSet<()>,
}

impl Database {
    /// Starts a background task that probes the primary where it gives no answer, one for each replica that
    /// polls how far it has replayed the log, and, where there is a replica, one that asks the primary how
    /// far that must be.
    pub fn start(settings: &DatabaseSettings) -> Self {
        let urls = settings.database_replica_urls.iter().enumerate();
        let replicas: Vec<_> = urls
            .map(|(index, url)| Arc::new(Replica::new(index + 1, connect_options(&url.0))))
            .collect();
        let primary = connect_options(&settings.database_url.0);
        let recent_position = Arc::new(RecentPosition::new(primary.clone()));
        let breaker = Arc::new(Breaker::new(primary));
        let watching = replicas.iter().cloned().map(Replica::keep_watching);
        let mut background: JoinSet<()> = watching.collect();
        background.spawn(Arc::clone(&breaker).keep_probing());
        if !replicas.is_empty() {
            background.spawn(Arc::clone(&recent_position).keep_asking());
        }
        Self {
            settings: settings.clone(),
            replicas,
            recent_position,
            breaker,
            background,
        }
    }

    /// Starts a background task that purges expired idempotency keys and old attempts every 5 minutes.
    pub fn purge_expired(mut self) -> Self {
        let primary = connect_options(&self.settings.database_url.0);
        self.background.spawn(async move {
            loop {
                sleep(PURGE_EVERY).await;
                match within(PURGE_TIMEOUT, purge(&primary)).await {
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

    /// The router of one worker of this many, each of which gets an equal share of
    /// `DATABASE_MAX_CONNECTIONS`, and at least one. It connects when it is first used.
    pub fn router(&self, workers: usize) -> Router {
        let most = (self.settings.database_max_connections / workers).max(1);
        let primary = Server {
            breaker: Some(Arc::clone(&self.breaker)),
            ..self.primary()
        };
        let primary = Pool::new(primary, most, ACQUIRE_TIMEOUT);
        let replica_pool = |replica: &Arc<Replica>| {
            let server = Server {
                options: replica.options().clone(),
                transaction_timeout: TRANSACTION_TIMEOUT,
                replica: Some(Arc::clone(replica)),
                breaker: None,
            };
            Pool::new(server, most, REPLICA_ACQUIRE_TIMEOUT)
        };
        let replicas = self.replicas.iter();
        let replicas = replicas.map(|replica| (Arc::clone(replica), replica_pool(replica)));
        let recent_position = Arc::clone(&self.recent_position);
        Router::new(
            primary,
            self.questions(),
            replicas.collect(),
            recent_position,
        )
    }

    /// Questions for the primary, over connections of their own. Not through the breaker: a commit that was
    /// made is worth each try.
    pub fn questions(&self) -> Questions {
        let pool = Pool::new(self.primary(), QUESTION_CONNECTIONS, ACQUIRE_TIMEOUT);
        Questions::new(pool)
    }

    /// The settings that this was started with.
    pub fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    /// The router of an import: one connection to the primary, whose transactions may take longer than
    /// those of a request.
    pub fn import_router(&self) -> Router {
        let primary = self.primary();
        let options = primary
            .options
            .application_name("taskfleet import")
            .options([
                ("statement_timeout", "60s"),
                ("lock_timeout", "60s"),
                // How many rows there are decides how they are joined.
                ("plan_cache_mode", "auto"),
            ]);
        let server = Server {
            options,
            transaction_timeout: IMPORT_TRANSACTION_TIMEOUT,
            ..primary
        };
        let pool = Pool::new(server, 1, ACQUIRE_TIMEOUT);
        self.router(1).writing_on(pool, IMPORT_TIMEOUT)
    }

    fn primary(&self) -> Server {
        Server {
            options: connect_options(&self.settings.database_url.0),
            transaction_timeout: TRANSACTION_TIMEOUT,
            replica: None,
            breaker: None,
        }
    }
}

/// Purges expired idempotency keys and old attempts; their numbers.
async fn purge(primary: &PgConnectOptions) -> Result<(u64, u64), DbError> {
    let mut connection = ServerConnection::open(primary, TRANSACTION_TIMEOUT).await?;
    let keys = idempotency::purge_expired_keys(&mut connection).await?;
    Ok((keys, attempts::purge(&mut connection).await?))
}
