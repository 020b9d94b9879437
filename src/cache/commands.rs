//! The commands that the cache sends to Redis, and the keys that they use.

use super::key::ListKey;
use super::mark::{Mark, MarkId};
use super::view::{ScopeValue, Stamp, Subject, THINGS};
use crate::domain::log_position::{LogPosition, Lsn};
use crate::domain::scope::{Dependency, Scope, Scopes};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, Script};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

static OPEN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/open.lua")));
static MARK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/mark.lua")));
static RAISE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/raise.lua")));

/// The keys in Redis behind one prefix.
pub(super) struct Keys {
    /// The hash of scopes: field `epoch`, the value for everything; `life`, a random value that is
    /// there as long as this hash is; `position`; and a value for each scope that was ever raised.
    scopes: String,
    /// The hash of marks, by their ids.
    marks: String,
    /// The generation and the position of the version before this one, in a rolling update from it.
    before: [String; 2],
    prefix: String,
}

impl Keys {
    /// The keys behind this prefix.
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            scopes: format!("{prefix}scopes"),
            marks: format!("{prefix}marks"),
            before: ["generation", "position"].map(|name| format!("{prefix}{name}")),
            prefix: prefix.to_owned(),
        }
    }

    fn entry(&self, key: &ListKey) -> String {
        format!("{}entry:{key}", self.prefix)
    }
}

/// What is raised for one write.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The scopes that get new values.
    pub scopes: Scopes,
    /// The mark that is taken away.
    pub mark: Option<MarkId>,
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

/// The values of scopes at one moment.
pub(super) struct Values {
    /// The value for everything.
    pub epoch: ScopeValue,
    /// The value of each scope that was asked for.
    pub scopes: HashMap<Scope, ScopeValue>,
}

impl Values {
    /// The stamp of this subject. That of single things holds a hash of all their scopes' values.
    pub(super) fn stamp(&self, subject: Subject) -> Stamp {
        let value = |scope| self.scopes.get(&scope).copied().unwrap_or(0);
        let (scope, names) = match subject {
            Subject::List(Dependency { scope, names }) => {
                (value(scope), if names { value(Scope::Names) } else { 0 })
            }
            Subject::Things => {
                let values: Vec<u8> = THINGS
                    .into_iter()
                    .flat_map(|scope| value(scope).to_le_bytes())
                    .collect();
                (xxh3_64(&values), 0)
            }
        };
        Stamp {
            epoch: self.epoch,
            names,
            scope,
        }
    }
}

/// The answer to a round trip of lookups.
pub(super) struct Fetched {
    /// All marks, which were looked up before everything else.
    pub marks: Arc<[(MarkId, Mark)]>,
    /// The values of the scopes.
    pub values: Values,
    /// The log position; `None` where it is not known.
    pub position: Option<LogPosition>,
    /// The encoded entries with the time that they have left, in the order of the keys; `None` where
    /// nothing is stored under a key.
    pub entries: Vec<Option<(Vec<u8>, Duration)>>,
}

/// Sets the value of `life`, unless there is one, and returns it.
pub(super) async fn note_life(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
) -> RedisResult<String> {
    OPEN.key(&keys.scopes)
        .arg(random())
        .invoke_async(redis)
        .await
}

/// Leaves a mark.
pub(super) async fn leave_mark(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
    id: &MarkId,
    mark: &Mark,
) -> RedisResult<()> {
    MARK.key(&keys.marks)
        .arg(id.as_str())
        .arg(mark.to_string())
        .invoke_async(redis)
        .await
}

/// Raises the scopes of these writes and the position, and takes the marks away.
pub(super) async fn raise(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
    raises: &[Raise],
    position: LogPosition,
) -> RedisResult<()> {
    let mut scopes = BTreeSet::<Scope>::new();
    let mut is_everything = false;
    for raise in raises {
        match &raise.scopes {
            Scopes::Some(some) => scopes.extend(some),
            Scopes::Everything => is_everything = true,
        }
    }
    let marks: Vec<_> = raises
        .iter()
        .filter_map(|raise| raise.mark.as_ref())
        .collect();
    let mut script = RAISE.prepare_invoke();
    script
        .key(&keys.scopes)
        .key(&keys.marks)
        .key(&keys.before)
        .arg(random())
        .arg(position.to_string())
        .arg("")
        .arg(i32::from(is_everything))
        .arg(marks.len());
    for mark in marks {
        script.arg(mark.as_str());
    }
    for scope in scopes {
        script.arg(scope.to_string());
    }
    script.invoke_async(redis).await
}

/// Raises everything and the position for a new connection that noted this `life`; false where Redis
/// was emptied since.
pub(super) async fn raise_everything(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
    life: &str,
    position: LogPosition,
) -> RedisResult<bool> {
    RAISE
        .key(&keys.scopes)
        .key(&keys.marks)
        .key(&keys.before)
        .arg(random())
        .arg(position.to_string())
        .arg(life)
        .arg(1)
        .arg(0)
        .invoke_async(redis)
        .await
}

/// Stores these entries, and then fetches in this order: the marks; the values of these scopes and the
/// position, at one moment; what is stored under each of these keys. An error where Redis holds no
/// epoch: it is a new one, which this connection knows nothing of.
pub(super) async fn fetch(
    redis: &mut MultiplexedConnection,
    keys: &Keys,
    scopes: &[Scope],
    lists: &[&ListKey],
    stores: &[&Store],
) -> RedisResult<Fetched> {
    let mut commands = redis::pipe();
    // A Redis that is full refuses to store, and answers the rest.
    commands.ignore_errors();
    for Store { key, bytes, ttl } in stores {
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        commands
            .cmd("SET")
            .arg(keys.entry(key))
            .arg(bytes)
            .arg("PX")
            .arg(milliseconds)
            .ignore();
    }
    commands.cmd("HGETALL").arg(&keys.marks);
    commands
        .cmd("HMGET")
        .arg(&keys.scopes)
        .arg("epoch")
        .arg("position")
        .arg("generation");
    for scope in scopes {
        commands.arg(scope.to_string());
    }
    commands.cmd("MGET").arg(&keys.before);
    for key in lists {
        let key = keys.entry(key);
        // The time first: if another entry comes between, it has more time left than is known.
        commands.cmd("PTTL").arg(&key).cmd("GET").arg(key);
    }
    let answers: Vec<RedisResult<redis::Value>> = commands.query_async(redis).await?;
    let mut answers = answers.into_iter();
    let mut next = || {
        let missing =
            || RedisError::from((ErrorKind::UnexpectedReturnType, "an answer is missing"));
        answers.next().ok_or_else(missing)?
    };
    let marks: Vec<(String, String)> = redis::from_redis_value(next()?)?;
    let values: Vec<Option<String>> = redis::from_redis_value(next()?)?;
    let mut values = values.into_iter();
    let epoch = values.next().flatten();
    let position = values.next().flatten();
    let known_generation = values.next().flatten();
    let before: [Option<String>; 2] = redis::from_redis_value(next()?)?;
    let [generation, position_before] = before;
    let fetch_entry = |_| {
        let left: i64 = redis::from_redis_value(next()?)?;
        let bytes: Option<Vec<u8>> = redis::from_redis_value(next()?)?;
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok(bytes.zip(left))
    };
    let entries = lists.iter().map(fetch_entry).collect::<RedisResult<_>>()?;
    let new = || RedisError::from((ErrorKind::UnexpectedReturnType, "Redis was emptied"));
    let read = |(id, mark): (String, String)| (MarkId::from(id.as_str()), Mark::read(&mark));
    let mut epoch = value(epoch.as_deref().ok_or_else(new)?)?;
    // An instance of the version before has written since the last raise: everything is outdated.
    if generation != known_generation
        && let Some(generation) = generation
    {
        epoch ^= xxh3_64(generation.as_bytes());
    }
    Ok(Fetched {
        marks: marks.into_iter().map(read).collect(),
        values: Values {
            epoch,
            scopes: scopes
                .iter()
                .zip(values)
                .map(|(scope, text)| Ok((*scope, text.as_deref().map_or(Ok(0), value)?)))
                .collect::<RedisResult<_>>()?,
        },
        position: position.and_then(|text| at_least(text.parse().ok()?, position_before)),
        entries,
    })
}

/// A position that is also after this one of the version before, if there is one.
fn at_least(position: LogPosition, before: Option<String>) -> Option<LogPosition> {
    let before = match before {
        Some(text) => Lsn(text.parse().ok()?),
        None => return Some(position),
    };
    let lsn = position.lsn.max(before);
    Some(LogPosition { lsn, ..position })
}

/// A value that was never used before.
fn random() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn value(text: &str) -> RedisResult<ScopeValue> {
    u64::from_str_radix(text, 16)
        .map_err(|_| RedisError::from((ErrorKind::UnexpectedReturnType, "the value of a scope")))
}
