//! The generation: a number in Redis that only grows and is never reused, and beside it the position
//! in the primary's log that a replica must have replayed to show what the generation stands for.

use crate::domain::log_position::LogPosition;
use redis::Script;
use redis::aio::MultiplexedConnection;
use std::sync::LazyLock;

/// The version of everything that lists show: a number that each write raises and that is never used
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// Raises the generation to the greater of its successor and Redis' clock in microseconds: by the
/// clock, because a Redis that lost its data or came back with an older state does not know which
/// generations there were. Raises the position to the one that is given, if that is greater: several
/// writers may raise theirs in any order. (Of one system, the order of positions is that of their texts.)
/// Allowed when memory has run out, where a write must still be seen.
static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "#!lua flags=allow-oom
        local time = redis.call('TIME')
        local clock = time[1] * 1000000 + time[2]
        local old = tonumber(redis.call('GET', KEYS[1]) or '0')
        local new = string.format('%.0f', math.max(old + 1, clock))
        redis.call('SET', KEYS[1], new)
        if ARGV[1] > (redis.call('GET', KEYS[2]) or '') then
            redis.call('SET', KEYS[2], ARGV[1])
        end
        return new",
    )
});

/// The keys in Redis of the generation and the position.
pub(super) struct Keys {
    /// The key of the generation.
    pub generation: String,
    /// The key of the position.
    pub position: String,
}

impl Keys {
    /// The keys behind this prefix.
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            generation: format!("{prefix}generation"),
            position: format!("{prefix}position"),
        }
    }
}

/// Raises the generation, and the position where one is given.
pub(super) async fn raise(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
    position: Option<LogPosition>,
) -> redis::RedisResult<()> {
    let position = position.map_or_else(String::new, |position| position.to_string());
    RAISE
        .key(&keys.generation)
        .key(&keys.position)
        .arg(position)
        .invoke_async(redis)
        .await
}
