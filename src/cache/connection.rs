//! The connection to Redis: made in the background, its generation raised before it is trusted, given
//! up at the first fault.
//!
//! Giving up is the circuit breaker: without a connection every read goes to the database at once, and
//! how often Redis is tried again is up to the background task alone. That task's first act on a new
//! connection is to raise the generation, which makes up for every raise that was lost with the old
//! one and makes sure that nothing is trusted that a Redis with an older state brings back. This is why
//! it holds a plain multiplexed connection and not redis' `ConnectionManager`, which reconnects by
//! itself and offers no way to act before others use the new connection.

use super::generation::{self, Generation, Keys};
use super::key::ListKey;
use crate::backoff::Backoff;
use crate::config::CacheSettings;
use crate::domain::log_position::LogPosition;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

/// The shortest time between two attempts to connect, however many writers request one.
const MIN_PAUSE: Duration = Duration::from_millis(5);
/// The pauses between attempts to connect.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
/// A connection that lasted less than this ended like a failed attempt, so that a Redis that
/// accepts connections and fails commands is not asked without pause.
const STABLE: Duration = Duration::from_secs(1);

/// The pause between two attempts to learn a position that an announcement went without.
const POSITION_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Asks the primary for a position up to which its log holds every commit of which this process
/// knows; `None` where the primary is out of reach. The cache itself speaks no SQL.
pub type AskPosition = Box<dyn Fn() -> BoxFuture<'static, Option<LogPosition>> + Send + Sync>;

/// A connection on which the generation was raised when it was new.
#[derive(Clone)]
struct TrustedConnection {
    redis: MultiplexedConnection,
    /// Tells this connection from those before and after it.
    number: u64,
}

/// An entry to be stored in Redis.
pub(super) struct Store {
    /// The key of the list.
    pub key: ListKey,
    /// The encoded entry.
    pub bytes: Vec<u8>,
    /// The time after which Redis drops the entry.
    pub ttl: Duration,
}

/// The answer to a round trip of lookups.
pub(super) struct Fetched {
    /// The current generation.
    pub generation: Generation,
    /// The log position that a replica must have replayed to show this generation; `None` where it is
    /// not known.
    pub position: Option<LogPosition>,
    /// The encoded entries, in the order of the keys; `None` where nothing is stored under a key.
    pub values: Values,
}

type Values = Vec<Option<Vec<u8>>>;

/// One worker's connection to Redis. A background task opens a new one whenever the last one broke.
pub(super) struct RedisConnection {
    client: Client,
    config: AsyncConnectionConfig,
    /// The time that Redis has to answer (`REDIS_TIMEOUT_MS`).
    timeout: Duration,
    prefix: String,
    keys: Keys,
    ask_position: AskPosition,
    state: RwLock<ConnectionState>,
    /// Wakes the background task when the connection is given up.
    connection_loss: Notify,
    /// Ends the pause between attempts: a writer needs a connection sooner.
    reconnect_requested: Notify,
    connection_status: watch::Sender<bool>,
    /// The number of the last attempt to connect that failed.
    last_failure: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct ConnectionState {
    connection: Option<TrustedConnection>,
    /// The number of raises that found no connection.
    missed_raises: u64,
    /// The number of the last attempt to connect that was started.
    last_attempt: Option<u64>,
}

impl RedisConnection {
    /// Starts the background task that connects to Redis and reconnects.
    pub(super) fn start(settings: &CacheSettings, ask_position: AskPosition) -> Arc<Self> {
        let timeout = settings.redis_timeout;
        let connection = Arc::new(Self {
            client: settings.redis_url.0.clone(),
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout)),
            timeout,
            prefix: settings.redis_key_prefix.clone(),
            keys: Keys::new(&settings.redis_key_prefix),
            ask_position,
            state: RwLock::default(),
            connection_loss: Notify::new(),
            reconnect_requested: Notify::new(),
            connection_status: watch::Sender::new(false),
            last_failure: watch::Sender::new(None),
        });
        tokio::spawn(Arc::clone(&connection).keep_connected());
        connection
    }

    /// The connection; `None` while there is none that can be trusted.
    fn connection(&self) -> Option<TrustedConnection> {
        self.read_state().connection.clone()
    }

    /// Whether there is a connection on which the generation was raised when it was new.
    pub(super) fn is_connected(&self) -> bool {
        self.read_state().connection.is_some()
    }

    fn read_state(&self) -> RwLockReadGuard<'_, ConnectionState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, ConnectionState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is a connection on which the generation was raised when it was new.
    pub(super) async fn connected(&self) {
        // The sender lives as long as this does, so this cannot fail.
        let mut status = self.connection_status.subscribe();
        _ = status.wait_for(|is_connected| *is_connected).await;
    }

    /// Announces: asks the primary for its log position, and raises position and generation in Redis.
    /// False where the primary does not tell its position: then the generation is raised alone, and
    /// both once more as soon as the position is known.
    pub(super) async fn announce(self: &Arc<Self>) -> bool {
        let position = (self.ask_position)().await;
        self.raise(position).await;
        if position.is_none() {
            let connection = Arc::clone(self);
            tokio::spawn(async move {
                let position = loop {
                    sleep(POSITION_RETRY_PAUSE).await;
                    if let Some(position) = (connection.ask_position)().await {
                        break position;
                    }
                };
                connection.raise(Some(position)).await;
            });
        }
        position.is_some()
    }

    /// Raises the generation, and the position where it is given, now or, where that fails, before the
    /// next connection is used.
    ///
    /// Without a connection, an attempt to connect is requested, and waited for at most half the time
    /// that Redis has to answer: other instances may reach Redis, and should not go on serving copies
    /// without this raise because of a pause between this worker's attempts.
    async fn raise(&self, position: Option<LogPosition>) {
        let last_attempt = loop {
            if let Some(mut connection) = self.connection() {
                match generation::raise(&mut connection.redis, &self.keys, position).await {
                    Ok(()) => return,
                    Err(error) => self.give_up(&connection, &error),
                }
            }
            let mut state = self.write_state();
            if state.connection.is_none() {
                state.missed_raises += 1;
                break state.last_attempt;
            }
        };
        self.reconnect_requested.notify_one();
        // The failure of an attempt that was started before says nothing of now.
        let mut last_failure = self.last_failure.subscribe();
        let attempt = async {
            tokio::select! {
                () = self.connected() => {}
                // The sender lives as long as this does, so this cannot fail.
                _ = last_failure.wait_for(|failure| *failure > last_attempt) => {}
            }
        };
        _ = timeout(self.timeout / 2, attempt).await;
    }

    /// Stores these and fetches the current generation, its position and what is stored under each of
    /// these keys, all three as of one moment; `None` where Redis is away.
    pub(super) async fn fetch(&self, keys: &[&ListKey], stores: &[&Store]) -> Option<Fetched> {
        let mut connection = self.connection()?;
        let mut commands = redis::pipe();
        // A Redis that is full refuses to store, and answers the rest.
        commands.ignore_errors();
        for Store { key, bytes, ttl } in stores {
            let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
            commands
                .cmd("SET")
                .arg(self.entry_key(key))
                .arg(bytes)
                .arg("PX")
                .arg(milliseconds)
                .ignore();
        }
        commands
            .cmd("MGET")
            .arg(&self.keys.generation)
            .arg(&self.keys.position);
        for key in keys {
            commands.arg(self.entry_key(key));
        }
        let answers: RedisResult<Vec<RedisResult<Values>>> =
            commands.query_async(&mut connection.redis).await;
        let fetched = answers.and_then(|mut answers| {
            let mut values = answers.pop().transpose()?.unwrap_or_default().into_iter();
            let mut text = || String::from_utf8(values.next()??).ok();
            let generation = text().and_then(|text| text.parse().ok());
            let position = text().and_then(|text| text.parse().ok());
            // Redis was emptied: a new connection begins with a new generation.
            let missing =
                || RedisError::from((redis::ErrorKind::UnexpectedReturnType, "no generation"));
            Ok(Fetched {
                generation: Generation(generation.ok_or_else(missing)?),
                position,
                values: values.collect(),
            })
        });
        fetched
            .inspect_err(|error| self.give_up(&connection, error))
            .ok()
    }

    fn entry_key(&self, key: &ListKey) -> String {
        format!("{}entry:{key}", self.prefix)
    }

    /// Stops using a connection, unless another has replaced it already.
    fn give_up(&self, connection: &TrustedConnection, error: &RedisError) {
        let mut state = self.write_state();
        if state
            .connection
            .as_ref()
            .is_some_and(|current| current.number == connection.number)
        {
            state.connection = None;
            self.connection_status.send_replace(false);
            log::warn!("Redis is away, reads go to the database: {error}");
            self.connection_loss.notify_one();
        }
    }

    async fn keep_connected(self: Arc<Self>) {
        let mut backoff = BACKOFF;
        for number in 0.. {
            match self.open(number).await {
                Ok(()) => {
                    let opened = Instant::now();
                    log::info!("connected to Redis");
                    self.connection_loss.notified().await;
                    if opened.elapsed() >= STABLE {
                        backoff.reset();
                        continue;
                    }
                }
                Err(error) => {
                    log::debug!("cannot use Redis yet: {error}");
                    self.last_failure.send_replace(Some(number));
                }
            }
            sleep(MIN_PAUSE).await;
            tokio::select! {
                () = sleep(backoff.next_pause()) => {}
                () = self.reconnect_requested.notified() => {}
            }
        }
    }

    /// Connects, raises the generation and lets reads and writes use the connection.
    async fn open(&self, number: u64) -> RedisResult<()> {
        self.write_state().last_attempt = Some(number);
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await?;
        loop {
            let missed_raises = self.read_state().missed_raises;
            // Without it, a position that an older Redis brings back would be trusted.
            let position = (self.ask_position)().await.ok_or_else(|| {
                RedisError::from((redis::ErrorKind::Io, "the primary's position is not known"))
            })?;
            generation::raise(&mut redis, &self.keys, Some(position)).await?;
            let mut state = self.write_state();
            // A write that was committed since this raise was sent found no connection for its own,
            // and may be newer than it.
            if state.missed_raises == missed_raises {
                state.connection = Some(TrustedConnection { redis, number });
                self.connection_status.send_replace(true);
                return Ok(());
            }
        }
    }
}
