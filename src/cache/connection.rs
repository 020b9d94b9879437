//! A worker's connection to Redis: made in the background, *open* for marks and raises at once, *trusted*
//! for reads later, given up at the first fault.
//!
//! A Redis that comes back may have lost marks and raises, or bring back an old state. So a new
//! connection waits until every transaction has ended that may have left a mark in a Redis that is
//! gone, and raises everything, before it is trusted. Giving up is the circuit breaker: without a
//! trusted connection every read goes to the database at once. This is why it is a plain multiplexed
//! connection and not redis' `ConnectionManager`, which reconnects by itself and offers no way to act
//! before others use the new connection.

use super::commands::{self, Fetched, Keys, Raise, Store};
use super::key::ListKey;
use super::mark::{Mark, MarkId};
use super::primary::Primary;
use crate::backoff::Backoff;
use crate::config::CacheSettings;
use crate::domain::log_position::LogPosition;
use crate::domain::scope::Scope;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

/// The pauses between attempts to connect.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
/// A connection that lasted less than this ended like a failed attempt, so that a Redis that
/// accepts connections and fails commands is not asked without pause.
const STABLE: Duration = Duration::from_secs(1);
/// For how long a transaction can be in progress after its mark was confirmed: longer than a write may
/// take to its end.
const MARKED_LIMIT: Duration = Duration::from_secs(6);
/// The pause between two questions for what becomes of a transaction.
const PROGRESS_PAUSE: Duration = Duration::from_millis(20);
/// The pause between two questions for a primary that is out of reach.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// One worker's connection to Redis. A background task opens a new one whenever the last one broke.
pub(super) struct RedisConnection {
    client: Client,
    config: AsyncConnectionConfig,
    keys: Keys,
    primary: Arc<Primary>,
    current: RwLock<Option<Current>>,
    /// Wakes the background task when the connection is given up.
    connection_loss: Notify,
    is_trusted: watch::Sender<bool>,
}

/// A connection that is open.
#[derive(Clone)]
struct Current {
    redis: MultiplexedConnection,
    /// Tells this connection from those before and after it.
    number: u64,
    is_trusted: bool,
}

impl RedisConnection {
    /// Starts the background task that connects to Redis and reconnects.
    pub(super) fn start(settings: &CacheSettings, primary: Arc<Primary>) -> Arc<Self> {
        let timeout = settings.redis_timeout;
        let connection = Arc::new(Self {
            client: settings.redis_url.0.clone(),
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout)),
            keys: Keys::new(&settings.redis_key_prefix),
            primary,
            current: RwLock::default(),
            connection_loss: Notify::new(),
            is_trusted: watch::Sender::new(false),
        });
        tokio::spawn(Arc::clone(&connection).keep_connected());
        connection
    }

    /// Whether there is a connection that is good for reads.
    pub(super) fn is_trusted(&self) -> bool {
        *self.is_trusted.borrow()
    }

    /// Waits until there is a connection that is good for reads.
    pub(super) async fn trusted(&self) {
        // The sender lives as long as this does, so this cannot fail.
        _ = self.is_trusted.subscribe().wait_for(|is| *is).await;
    }

    fn read_current(&self) -> RwLockReadGuard<'_, Option<Current>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_current(&self) -> RwLockWriteGuard<'_, Option<Current>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a mark; false where there is no open connection, or where it breaks by this.
    pub(super) async fn leave_mark(&self, id: &MarkId, mark: &Mark) -> bool {
        let command = async |redis: &mut _| commands::leave_mark(redis, &self.keys, id, mark).await;
        self.run_open(command).await.is_some()
    }

    /// Raises for these writes; false where there is no open connection, or where it breaks by this.
    pub(super) async fn raise(&self, raises: &[Raise], position: LogPosition) -> bool {
        let command =
            async |redis: &mut _| commands::raise(redis, &self.keys, raises, position).await;
        self.run_open(command).await.is_some()
    }

    /// Stores and looks up on a trusted connection (see [`commands::fetch`]); `None` where there is none,
    /// or where it breaks by this.
    pub(super) async fn fetch(
        &self,
        scopes: &[Scope],
        lists: &[&ListKey],
        stores: &[&Store],
    ) -> Option<Fetched> {
        let current = self.read_current().clone();
        let mut current = current.filter(|current| current.is_trusted)?;
        commands::fetch(&mut current.redis, &self.keys, scopes, lists, stores)
            .await
            .inspect_err(|error| self.give_up(current.number, error))
            .ok()
    }

    async fn run_open<T>(
        &self,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let mut current = self.read_current().clone()?;
        command(&mut current.redis)
            .await
            .inspect_err(|error| self.give_up(current.number, error))
            .ok()
    }

    /// Gives the connection up that is open now, if there is one: it could not do in time what a peer
    /// asked for.
    pub(super) fn give_up_current(&self) {
        let number = self.read_current().as_ref().map(|current| current.number);
        if let Some(number) = number {
            self.give_up(number, &timed_out());
        }
    }

    /// Stops using the connection with this number, unless another has replaced it already.
    fn give_up(&self, number: u64, error: &RedisError) {
        let mut current = self.write_current();
        if current
            .as_ref()
            .is_some_and(|current| current.number == number)
        {
            *current = None;
            self.is_trusted.send_replace(false);
            log::warn!("Redis is away, reads go to the database: {error}");
            self.connection_loss.notify_one();
        }
    }

    async fn keep_connected(self: Arc<Self>) {
        let mut backoff = BACKOFF;
        for number in 0.. {
            (self.primary.until_heard)().await;
            match self.open(number).await {
                Ok(life) => {
                    let opened = Instant::now();
                    tokio::select! {
                        () = self.connection_loss.notified() => {}
                        () = self.earn_trust(number, &life) => self.connection_loss.notified().await,
                    }
                    if opened.elapsed() >= STABLE {
                        backoff.reset();
                    }
                }
                Err(error) => log::debug!("cannot use Redis yet: {error}"),
            }
            sleep(backoff.next_pause()).await;
        }
    }

    /// Connects, and lets writes use the connection. Returns the value of `life`.
    async fn open(&self, number: u64) -> RedisResult<String> {
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await?;
        let life = commands::note_life(&mut redis, &self.keys).await?;
        *self.write_current() = Some(Current {
            redis,
            number,
            is_trusted: false,
        });
        Ok(life)
    }

    /// Waits until every transaction has ended that may have left a mark in a Redis that is gone, raises
    /// everything, and lets reads use the connection; or gives it up.
    async fn earn_trust(&self, number: u64, life: &str) {
        // Only what ran before this question can have left its mark before the connection was open.
        let running = until_answered(&self.primary.running).await;
        let mut deadline = Instant::now() + MARKED_LIMIT;
        for transaction in running {
            while Instant::now() < deadline {
                match (self.primary.is_in_progress)(transaction).await {
                    Some(false) => break,
                    Some(true) => sleep(PROGRESS_PAUSE).await,
                    None => {
                        // A primary that hangs holds up the transaction as well.
                        sleep(RETRY_PAUSE).await;
                        deadline = Instant::now() + MARKED_LIMIT;
                    }
                }
            }
        }
        let position = until_answered(&self.primary.position).await;
        let command = async |redis: &mut _| {
            commands::raise_everything(redis, &self.keys, life, position).await
        };
        match self.run_open(command).await {
            Some(true) => {
                let mut current = self.write_current();
                if let Some(current) = current.as_mut().filter(|current| current.number == number) {
                    current.is_trusted = true;
                    self.is_trusted.send_replace(true);
                    log::info!("connected to Redis");
                }
            }
            Some(false) => self.give_up(number, &emptied()),
            // Given up already.
            None => {}
        }
    }
}

/// The answer of the primary, as soon as it can be reached.
async fn until_answered<A>(
    question: &(dyn Fn() -> futures_util::future::BoxFuture<'static, Option<A>> + Send + Sync),
) -> A {
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        sleep(RETRY_PAUSE).await;
    }
}

fn timed_out() -> RedisError {
    RedisError::from((ErrorKind::Io, "a peer's request took too long"))
}

fn emptied() -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, "Redis was emptied"))
}
