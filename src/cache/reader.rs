//! Reading through the cache.

use super::Cache;
use super::entry::Entry;
use super::generation::Generation;
use super::lookup::{Found, Store};
use crate::domain::lsn::Lsn;
use std::sync::Arc;

/// Names a list: its path and its parameters in a fixed order.
pub type Key = Arc<str>;

/// Where the answer to a read came from; `S` says where in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<S> {
    /// From a copy.
    Hit,
    /// From the database, and a copy was made.
    Miss(S),
    /// From the database, because Redis is away.
    Bypass(S),
}

/// The answer to a read.
#[derive(Debug)]
pub struct Read<S> {
    /// What was asked for.
    pub entry: Entry,
    /// Where it came from.
    pub outcome: Outcome<S>,
}

impl Cache {
    /// What `key` names, from a copy that no acknowledged write has outdated, or else from `fill`,
    /// which reads it from the database, or from a replica that has replayed the position it is
    /// given.
    ///
    /// However many requests of this instance miss the same entry at once, one of them runs `fill`;
    /// where that fails, all of them get the error.
    pub async fn read<S, E, F>(
        &self,
        key: Key,
        fill: impl FnOnce(Option<Lsn>) -> F,
    ) -> Result<Read<S>, Arc<E>>
    where
        F: Future<Output = Result<(Vec<u8>, S), E>>,
        E: Send + Sync + 'static,
    {
        let Some((found, copy)) = self.find(&key).await else {
            let (body, source) = Box::pin(fill(None)).await?;
            return Ok(Read {
                entry: Entry::new(body, self.ttl),
                outcome: Outcome::Bypass(source),
            });
        };
        if let Some(entry) = copy {
            return Ok(Read {
                entry,
                outcome: Outcome::Hit,
            });
        }
        // The generation was asked for before the query starts. A fill that races with a write is
        // thus kept under a generation that nobody will ask for again. Those who wait for a fill
        // under this generation saw it after the fill's lookup did, so no write lies between.
        let generation = found.generation;
        let mut filled_from = None;
        let filled = self
            .bodies
            .entry((generation, Arc::clone(&key)))
            .or_try_insert_with(async {
                let (body, source) = fill(found.position).await?;
                filled_from = Some(source);
                let entry = Entry::new(body, self.ttl);
                self.store(key, generation, &entry);
                Ok(entry)
            });
        // Boxed, so that the future of a hit, which never gets here, is small: the framework moves
        // it several times.
        let entry = Box::pin(filled).await?.into_value();
        Ok(Read {
            entry,
            outcome: filled_from.map_or(Outcome::Hit, Outcome::Miss),
        })
    }

    /// What a lookup found and a copy that was read under the generation in it, if there is one;
    /// `None` where Redis is away.
    async fn find(&self, key: &Key) -> Option<(Found, Option<Entry>)> {
        // Where this process has a copy that is probably still good, the generation is all that
        // has to cross the wire; else what Redis has comes along in the same round trip.
        if let Some(seen) = self.lookups.last_seen()
            && let Some(entry) = self.bodies.get(&(seen, Arc::clone(key))).await
        {
            let found = self.lookups.look_up(None).await?;
            if found.generation == seen {
                return Some((found, Some(entry)));
            }
        }
        let found = self.lookups.look_up(Some(Arc::clone(key))).await?;
        let slot = (found.generation, Arc::clone(key));
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

    /// Stores an entry in Redis without making anybody wait for it, unless a lookup has told since that
    /// it is outdated: nobody would read it, and it might replace one that is not.
    fn store(&self, key: Key, generation: Generation, entry: &Entry) {
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
