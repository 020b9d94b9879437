//! The settings of Redis and of the cache of lists.

use super::parsers::{milliseconds, number, rule, seconds};
use clap::Args;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How to use Redis.
#[derive(Clone, Debug, Args)]
pub struct CacheSettings {
    /// Redis, as redis://USER:PASSWORD@HOST:PORT
    #[arg(long, env = "REDIS_URL", hide_env_values = true, default_value = "redis://127.0.0.1:6379",
          value_parser = rule::<RedisUrl>("a URL such as redis://user:password@host:6379"))]
    pub redis_url: RedisUrl,
    /// How long Redis has to answer before reads go to the database, and writes ask other instances to do
    /// there what they must, in milliseconds
    #[arg(long = "redis-timeout-ms", env = "REDIS_TIMEOUT_MS", value_name = "REDIS_TIMEOUT_MS", default_value = "100",
          value_parser = milliseconds(1..=1000))]
    pub redis_timeout: Duration,
    /// What the keys in Redis begin with, so that several deployments can share one
    #[arg(long, env = "REDIS_KEY_PREFIX", default_value = "taskfleet:")]
    pub redis_key_prefix: String,
    /// How long an entry may be served after it was read from the database, in seconds
    #[arg(long = "cache-ttl-seconds", env = "CACHE_TTL_SECONDS", value_name = "CACHE_TTL_SECONDS", default_value = "30",
          value_parser = seconds(1..=86_400))]
    pub cache_ttl: Duration,
    /// How much memory the entries may take that this process remembers, in MiB
    #[arg(long, env = "CACHE_MEMORY_MIB", default_value_t = 3, value_parser = number::<u64>(1..=65_536))]
    pub cache_memory_mib: u64,
    /// The longest pause after a batch of lookups in Redis, in which requests wait to share the next, in
    /// milliseconds; 0 for none
    #[arg(long = "cache-lookup-pause-ms", env = "CACHE_LOOKUP_PAUSE_MS", value_name = "CACHE_LOOKUP_PAUSE_MS", default_value = "1",
          value_parser = milliseconds(0..=1000))]
    pub cache_lookup_pause: Duration,
}

/// The URL of a Redis server; never printed, because it may hold a password.
#[derive(Clone)]
pub struct RedisUrl(pub redis::Client);

impl FromStr for RedisUrl {
    type Err = redis::RedisError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        redis::Client::open(url).map(Self)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
