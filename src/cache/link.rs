//! The connection to Redis: made in the background, bumped before it is trusted, given up at the
//! first fault.
//!
//! Giving up is the breaker: without a connection every read goes to the database at once, and how
//! often Redis is tried again is up to the background task alone. That task's first act on a new
//! connection is a bump, which delivers every bump that was lost with the old one and makes sure
//! that nothing is trusted that a Redis with an older state brings back. This is why the link holds
//! a plain multiplexed connection and not redis' `ConnectionManager`, which reconnects by itself
//! and offers no way to act before others use the new connection.

use super::generation::{self, Generation, Keys};
use super::lookup::Store;
use crate::config::CacheSettings;
use crate::domain::lsn::Lsn;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

/// Between two attempts there is at least this, however many writers want one.
const FLOOR: Duration = Duration::from_millis(5);
/// The pauses between attempts to connect grow from the first to the last of these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// A connection that lasted less than this ended like a failed attempt, so that a Redis that
/// accepts connections and fails commands is not asked without pause.
const STABLE: Duration = Duration::from_secs(1);

/// Between two attempts to learn a position that a bump went without.
const OWED_PAUSE: Duration = Duration::from_millis(100);

/// Asks the primary for a position up to which its log holds every commit of which this process
/// knows; `None` where the primary is out of reach. The cache itself speaks no SQL.
pub type AskPosition = Box<dyn Fn() -> BoxFuture<'static, Option<Lsn>> + Send + Sync>;

/// A connection that was bumped when it was new.
#[derive(Clone)]
struct Connection {
    redis: MultiplexedConnection,
    /// Tells this connection from those before and after it.
    number: u64,
}

/// What a lookup fetched.
pub struct Fetched {
    /// The generation.
    pub generation: Generation,
    /// What a replica must have replayed to show it, where that is known.
    pub position: Option<Lsn>,
    /// What is stored under the keys, in their order.
    pub values: Values,
}

type Values = Vec<Option<Vec<u8>>>;

/// The way to Redis.
pub struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    /// How long Redis has to answer.
    timeout: Duration,
    prefix: String,
    keys: Keys,
    ask_position: AskPosition,
    state: RwLock<State>,
    lost: Notify,
    /// A writer needs a connection sooner than the pause between attempts ends.
    wanted: Notify,
    up: watch::Sender<bool>,
    /// The number of the last attempt to connect that failed.
    failed: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// How many bumps there was no connection for.
    undelivered: u64,
    /// The number of the last attempt to connect that was begun.
    begun: Option<u64>,
}

impl Link {
    /// Begins to connect.
    pub fn start(settings: &CacheSettings, ask_position: AskPosition) -> Arc<Self> {
        let timeout = Duration::from_millis(settings.redis_timeout_ms);
        let link = Arc::new(Self {
            client: settings.redis_url.0.clone(),
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout)),
            timeout,
            prefix: settings.redis_key_prefix.clone(),
            keys: Keys::new(&settings.redis_key_prefix),
            ask_position,
            state: RwLock::default(),
            lost: Notify::new(),
            wanted: Notify::new(),
            up: watch::Sender::new(false),
            failed: watch::Sender::new(None),
        });
        tokio::spawn(Arc::clone(&link).keep_connected());
        link
    }

    /// The connection, if there is one that can be trusted.
    fn connection(&self) -> Option<Connection> {
        self.read_state().connection.clone()
    }

    /// Whether there is one.
    pub fn is_connected(&self) -> bool {
        self.read_state().connection.is_some()
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        // The sender lives as long as the link does, so this cannot fail.
        _ = self.up.subscribe().wait_for(|up| *up).await;
    }

    /// Raises the position to the primary's and the generation with it; whether the position could
    /// be learnt. Where it could not, the generation is raised without it, and both once more as soon
    /// as it is known.
    pub async fn bump(self: &Arc<Self>) -> bool {
        let position = (self.ask_position)().await;
        self.deliver(position).await;
        if position.is_none() {
            let link = Arc::clone(self);
            tokio::spawn(async move {
                let position = loop {
                    sleep(OWED_PAUSE).await;
                    if let Some(position) = (link.ask_position)().await {
                        break position;
                    }
                };
                link.deliver(Some(position)).await;
            });
        }
        position.is_some()
    }

    /// Raises the generation, now or, where that fails, before the next connection is used.
    ///
    /// Without a connection, has one tried at once, and waits for what comes of that, but no longer
    /// than half the time that Redis has to answer: others may reach Redis, and should not read on
    /// without this bump because of a hiccup or a pause here.
    async fn deliver(&self, position: Option<Lsn>) {
        let begun = loop {
            if let Some(mut connection) = self.connection() {
                match generation::bump(&mut connection.redis, &self.keys, position).await {
                    Ok(()) => return,
                    Err(error) => self.give_up(&connection, &error),
                }
            }
            let mut state = self.write_state();
            if state.connection.is_none() {
                state.undelivered += 1;
                break state.begun;
            }
        };
        self.wanted.notify_one();
        // An attempt that had begun before says nothing of now.
        let mut failed = self.failed.subscribe();
        let tried = async {
            tokio::select! {
                () = self.connected() => {}
                // The sender lives as long as the link does, so this cannot fail.
                _ = failed.wait_for(|failed| *failed > begun) => {}
            }
        };
        _ = timeout(self.timeout / 2, tried).await;
    }

    /// Stores these and fetches the current generation, its position and what is stored under each of
    /// these keys, all three as of one moment; `None` where Redis is away.
    pub async fn fetch(&self, keys: &[&str], stores: &[&Store]) -> Option<Fetched> {
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
            let mut number = || std::str::from_utf8(&values.next()??).ok()?.parse().ok();
            let (generation, position) = (number(), number());
            // Redis was emptied: a new connection begins with a new generation.
            let missing =
                || RedisError::from((redis::ErrorKind::UnexpectedReturnType, "no generation"));
            Ok(Fetched {
                generation: Generation(generation.ok_or_else(missing)?),
                position: position.map(Lsn),
                values: values.collect(),
            })
        });
        fetched
            .inspect_err(|error| self.give_up(&connection, error))
            .ok()
    }

    fn entry_key(&self, key: &str) -> String {
        format!("{}entry:{key}", self.prefix)
    }

    /// Stops using a connection, unless another has replaced it already.
    fn give_up(&self, connection: &Connection, error: &RedisError) {
        let mut state = self.write_state();
        if state
            .connection
            .as_ref()
            .is_some_and(|current| current.number == connection.number)
        {
            state.connection = None;
            self.up.send_replace(false);
            log::warn!("Redis is away, reads go to the database: {error}");
            self.lost.notify_one();
        }
    }

    async fn keep_connected(self: Arc<Self>) {
        let (shortest, longest) = PAUSES;
        let mut pause = shortest;
        for number in 0.. {
            match self.open(number).await {
                Ok(()) => {
                    let opened = Instant::now();
                    log::info!("connected to Redis");
                    self.lost.notified().await;
                    if opened.elapsed() >= STABLE {
                        pause = shortest;
                        continue;
                    }
                }
                Err(error) => {
                    log::debug!("cannot use Redis yet: {error}");
                    self.failed.send_replace(Some(number));
                }
            }
            sleep(FLOOR).await;
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// Connects, raises the generation and lets everybody use the connection.
    async fn open(&self, number: u64) -> RedisResult<()> {
        self.write_state().begun = Some(number);
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await?;
        loop {
            let undelivered = self.read_state().undelivered;
            // Without it, a position that an older Redis brings back would be trusted.
            let position = (self.ask_position)().await.ok_or_else(|| {
                RedisError::from((redis::ErrorKind::Io, "the primary's position is not known"))
            })?;
            generation::bump(&mut redis, &self.keys, Some(position)).await?;
            let mut state = self.write_state();
            // A write that was committed since this bump was sent found no connection to bump by,
            // and may be newer than it.
            if state.undelivered == undelivered {
                state.connection = Some(Connection { redis, number });
                self.up.send_replace(true);
                return Ok(());
            }
        }
    }
}
