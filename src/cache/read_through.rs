//! The cache of lists: read-through, with revalidation on every read.

use super::batcher::Batcher;
use super::connection::{AskPosition, RedisConnection, Store};
use super::entry::Entry;
use super::generation::Generation;
use super::key::ListKey;
use super::lookup::{Found, Lookups};
use super::memory::Bodies;
use crate::config::CacheSettings;
use crate::domain::log_position::LogPosition;
use crate::domain::served_from::ServedFrom;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Whether a list is a cached copy (the header X-Cache).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// The list is a copy.
    Hit,
    /// The list was read from the database, and a copy was made.
    Miss,
    /// The list was read from the database, because Redis is away.
    Bypass,
}

/// An encoded list with where it came from.
#[derive(Debug)]
pub struct CachedList {
    /// The finished body and its entity tag.
    pub entry: Entry,
    /// Whether the list is a cached copy.
    pub cache_status: CacheStatus,
    /// The server or the cache that the list was read from.
    pub served_from: ServedFrom,
}

/// One worker's read-through cache: its own connection to Redis, which spares each lookup the way to
/// another thread and back, and the bodies that all workers of the instance share.
pub struct Cache {
    connection: Arc<RedisConnection>,
    lookups: Lookups,
    announcements: Batcher<(), bool>,
    bodies: Bodies,
    /// The time for which an entry may be served after it was read from the database.
    ttl: Duration,
}

impl Cache {
    /// A cache that connects to Redis in the background; until it is connected, every read goes to the
    /// database.
    pub fn start(settings: &CacheSettings, bodies: Bodies, ask_position: AskPosition) -> Self {
        let connection = RedisConnection::start(settings, ask_position);
        Self {
            lookups: Lookups::new(Arc::clone(&connection), settings.cache_lookup_pause),
            announcements: Batcher::new(Duration::ZERO),
            connection,
            bodies,
            ttl: settings.cache_ttl,
        }
    }

    /// Announces a commit: makes everything outdated that was read before now, from copies and from
    /// replicas. To be called
    /// after each commit and before its acknowledgement; calls that wait at the same time share one
    /// raise of the generation, and one question for the primary's position.
    ///
    /// The announcement is made whether or not the receiver is still there. The receiver gets false
    /// where the primary's position could not be learnt, so that a replica may not show the commit: it
    /// must not be acknowledged. A Redis that is away is no failure: the raise is tried again in the
    /// background, and this worker trusts no copy until it is made.
    pub fn announce(&self) -> oneshot::Receiver<bool> {
        let connection = Arc::clone(&self.connection);
        let run_batch =
            async move |waiting: &[()]| vec![connection.announce().await; waiting.len()];
        self.announcements.submit((), run_batch)
    }

    /// The log position that a replica must have replayed to show everything that was acknowledged
    /// before now; `None` where that is not known.
    pub async fn position(&self) -> Option<LogPosition> {
        self.lookups.look_up(None).await?.position
    }

    /// Whether Redis is connected, so that copies can be used.
    pub fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Waits until Redis is connected; every earlier announcement has then reached all instances.
    pub async fn connected(&self) {
        self.connection.connected().await;
    }

    /// The list that `key` names, from a copy that no acknowledged write has outdated, or else from
    /// `fill`, which reads it from the database: from the primary, or from a replica that has replayed
    /// the position it is given.
    ///
    /// Requests of this instance that miss the same entry at once share one `fill` (single-flight), and
    /// its error where it fails.
    pub async fn read<E, F>(
        &self,
        key: ListKey,
        fill: impl FnOnce(Option<LogPosition>) -> F,
    ) -> Result<CachedList, Arc<E>>
    where
        F: Future<Output = Result<(Vec<u8>, ServedFrom), E>>,
        E: Send + Sync + 'static,
    {
        let Some((found, copy)) = self.find(&key).await else {
            let (body, served_from) = Box::pin(fill(None)).await?;
            return Ok(CachedList {
                entry: Entry::new(body, self.ttl),
                cache_status: CacheStatus::Bypass,
                served_from,
            });
        };
        if let Some(entry) = copy {
            return Ok(CachedList {
                entry,
                cache_status: CacheStatus::Hit,
                served_from: ServedFrom::Cache,
            });
        }
        // The generation was asked for before the query starts. A fill that races with a write is
        // thus kept under a generation that no later lookup finds. Requests that wait for a fill under
        // this generation saw it after the fill's lookup did, so no write lies between.
        let generation = found.generation;
        let mut filled_from = None;
        let filled = self
            .bodies
            .entry((generation, key.clone()))
            .or_try_insert_with(async {
                let (body, served_from) = fill(found.position).await?;
                filled_from = Some(served_from);
                let entry = Entry::new(body, self.ttl);
                self.store(key, generation, &entry);
                Ok(entry)
            });
        // Boxed, so that the future of a hit, which never gets here, is small: the framework moves
        // it several times.
        let entry = Box::pin(filled).await?.into_value();
        Ok(CachedList {
            entry,
            cache_status: filled_from.map_or(CacheStatus::Hit, |_| CacheStatus::Miss),
            served_from: filled_from.unwrap_or(ServedFrom::Cache),
        })
    }

    /// What a lookup found, and a copy that was read under the generation in it, if there is one;
    /// `None` where Redis is away.
    async fn find(&self, key: &ListKey) -> Option<(Found, Option<Entry>)> {
        // Where this process has a copy that is probably still good, the generation is all that
        // has to cross the wire; else what Redis has comes along in the same round trip.
        if let Some(seen) = self.lookups.last_seen()
            && let Some(entry) = self.bodies.get(&(seen, key.clone())).await
        {
            let found = self.lookups.look_up(None).await?;
            if found.generation == seen {
                return Some((found, Some(entry)));
            }
        }
        let found = self.lookups.look_up(Some(key.clone())).await?;
        let slot = (found.generation, key.clone());
        if let Some(entry) = self.bodies.get(&slot).await {
            return Some((found, Some(entry)));
        }
        let stored = found.stored.as_ref();
        let entry = stored.and_then(|bytes| Entry::decode(bytes, found.generation));
        if let Some(entry) = &entry {
            self.bodies.insert(slot, entry.clone()).await;
        }
        Some((found, entry))
    }

    /// Stores an entry in Redis in the background, unless a lookup has shown since that it is outdated:
    /// it would never be read, and it might replace one that is not.
    fn store(&self, key: ListKey, generation: Generation, entry: &Entry) {
        let last_seen = self.lookups.last_seen();
        if last_seen.is_some_and(|last_seen| last_seen > generation) {
            return;
        }
        self.lookups.store(Store {
            key,
            bytes: entry.encode(generation),
            ttl: entry.time_to_live(),
        });
    }
}
