//! A look into the Redis of an application, around it.

use super::TestApp;
use redis::aio::MultiplexedConnection;
use std::collections::BTreeMap;

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

    /// The value of a field of the hash of scopes, such as `epoch`, `position`, or `all`.
    pub async fn scope(&self, field: &str) -> Option<String> {
        self.query(redis::cmd("HGET").arg(self.key("scopes")).arg(field))
            .await
    }

    /// Everything in the hash of scopes.
    pub async fn scopes(&self) -> BTreeMap<String, String> {
        self.query(redis::cmd("HGETALL").arg(self.key("scopes")))
            .await
    }

    /// Sets a field of the hash of scopes.
    pub async fn set_scope(&self, field: &str, value: &str) {
        self.query(
            redis::cmd("HSET")
                .arg(self.key("scopes"))
                .arg(field)
                .arg(value),
        )
        .await
    }

    /// The text at the key with this name.
    pub async fn text(&self, name: &str) -> Option<String> {
        self.query(redis::cmd("GET").arg(self.key(name))).await
    }

    /// The texts of the marks that are there.
    pub async fn marks(&self) -> Vec<String> {
        self.query(redis::cmd("HVALS").arg(self.key("marks"))).await
    }

    /// Leaves a mark.
    pub async fn leave_mark(&self, id: &str, mark: &str) {
        self.query(redis::cmd("HSET").arg(self.key("marks")).arg(id).arg(mark))
            .await
    }

    /// The position in the primary's log that is announced, without its history.
    pub async fn position(&self) -> i64 {
        let position = self.scope("position").await.unwrap();
        i64::from_str_radix(position.rsplit('-').next().unwrap(), 16).unwrap()
    }

    /// Makes the stamp under which an entry was stored the current one again.
    pub async fn set_stamp_of(&self, entry: &[u8]) {
        let values = entry[4..28].chunks_exact(8);
        for (field, value) in ["epoch", "names", "all"].into_iter().zip(values) {
            let value = u64::from_le_bytes(value.try_into().unwrap());
            self.set_scope(field, &format!("{value:016x}")).await;
        }
    }

    /// Removes everything, as if Redis had been emptied.
    pub async fn flush(&self) {
        let keys: Vec<String> = self
            .query(redis::cmd("KEYS").arg(format!("{}*", self.prefix)))
            .await;
        for key in keys {
            self.query::<()>(redis::cmd("DEL").arg(key)).await;
        }
    }

    /// The key with this name.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn query<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> T {
        command
            .query_async(&mut self.connection.clone())
            .await
            .unwrap()
    }
}
