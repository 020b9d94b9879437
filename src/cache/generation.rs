//! The generation: a number in Redis that only grows and is never reused.

use redis::Script;
use redis::aio::MultiplexedConnection;
use std::sync::LazyLock;

/// The state of everything that lists show, as a number that each write raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// Raises the generation to the greater of its successor and Redis' clock in microseconds: by the
/// clock, because a Redis that lost its data or came back with an older state does not know which
/// generations there were. Allowed when memory has run out, where a write must still be seen.
static BUMP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "#!lua flags=allow-oom
        local time = redis.call('TIME')
        local clock = time[1] * 1000000 + time[2]
        local old = tonumber(redis.call('GET', KEYS[1]) or '0')
        local new = string.format('%.0f', math.max(old + 1, clock))
        redis.call('SET', KEYS[1], new)
        return new",
    )
});

/// The key of the generation.
pub fn key(prefix: &str) -> String {
    format!("{prefix}generation")
}

/// Raises the generation.
pub async fn bump(redis: &mut MultiplexedConnection, key: &str) -> redis::RedisResult<Generation> {
    BUMP.key(key).invoke_async(redis).await.map(Generation)
}
