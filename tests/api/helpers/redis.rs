//! A look into the Redis of an application, around it.

use super::TestApp;
use redis::aio::MultiplexedConnection;
use taskfleet::domain::log_position::LogPosition;

/// The name space of an application in Redis.
pub struct Redis {
    connection: MultiplexedConnection,
    prefix: String,
}

impl Redis {
    /// The name space of this application.
    pub async fn of(app: &TestApp) -> Self {
        let client = redis::Client::open(super::servers().redis.as_str()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        Self {
            connection,
            prefix: app.settings.cache.redis_key_prefix.clone(),
        }
    }

    /// The one entry of this list (`users`) or page (`users:1:10`), as text.
    pub async fn entry(&self, list: &str) -> Option<String> {
        let (_, bytes) = self.raw_entry(list).await?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The one entry of this list or page, and its key.
    pub async fn raw_entry(&self, list: &str) -> Option<(String, Vec<u8>)> {
        let pattern = format!("{}entry:everyone:/{list}:*", self.prefix);
        let keys: Vec<String> = self.query(redis::cmd("KEYS").arg(pattern)).await;
        let key = keys.into_iter().next()?;
        let bytes: Option<Vec<u8>> = self.query(redis::cmd("GET").arg(&key)).await;
        Some((key, bytes?))
    }

    /// Sets a key.
    pub async fn set(&self, key: &str, value: &[u8]) {
        self.query(redis::cmd("SET").arg(key).arg(value)).await
    }

    /// The generation.
    pub async fn generation(&self) -> Option<u64> {
        self.query(redis::cmd("GET").arg(self.generation_key()))
            .await
    }

    /// The position in the primary's log that is announced with it.
    pub async fn position(&self) -> LogPosition {
        let key = format!("{}position", self.prefix);
        let text: String = self.query(redis::cmd("GET").arg(key)).await;
        text.parse().unwrap()
    }

    /// Makes the generation under which an entry was stored the current one again.
    pub async fn set_generation_of(&self, entry: &[u8]) {
        let generation = u64::from_le_bytes(entry[4..12].try_into().unwrap());
        self.query(redis::cmd("SET").arg(self.generation_key()).arg(generation))
            .await
    }

    /// Removes the generation, as if Redis had been emptied.
    pub async fn forget_generation(&self) {
        self.query(redis::cmd("DEL").arg(self.generation_key()))
            .await
    }

    fn generation_key(&self) -> String {
        format!("{}generation", self.prefix)
    }

    async fn query<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> T {
        command
            .query_async(&mut self.connection.clone())
            .await
            .unwrap()
    }
}
