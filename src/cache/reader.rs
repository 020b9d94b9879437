//! Reading through the cache.

use super::Cache;
use super::entry::Entry;
use super::generation::Generation;
use super::lookup::Found;
use std::sync::Arc;

/// Names a list: its path and its parameters in a fixed order.
pub type Key = Arc<str>;

/// Where the answer to a read came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From a copy.
    Hit,
    /// From the database, and a copy was made.
    Miss,
    /// From the database, because Redis is away.
    Bypass,
}

impl Outcome {
    /// The outcome as the `X-Cache` header writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// The answer to a read.
#[derive(Debug)]
pub struct Read {
    /// What was asked for.
    pub entry: Entry,
    /// Where it came from.
    pub outcome: Outcome,
}

impl Cache {
    /// What `key` names, from a copy that no acknowledged write has outdated, or else from `fill`,
    /// which reads it from the database.
    ///
    /// However many requests of this instance miss the same entry at once, one of them runs `fill`;
    /// where that fails, all of them get the error.
    pub async fn read<E, F>(&self, key: Key, fill: impl FnOnce() -> F) -> Result<Read, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>>,
        E: Send + Sync + 'static,
    {
        let Some((generation, found)) = self.find(&key).await else {
            let entry = Entry::new(fill().await?, self.ttl);
            return Ok(Read {
                entry,
                outcome: Outcome::Bypass,
            });
        };
        if let Some(entry) = found {
            return Ok(Read {
                entry,
                outcome: Outcome::Hit,
            });
        }
        // The generation was asked for before the query starts. A fill that races with a write is
        // thus kept under a generation that nobody will ask for again. Those who wait for a fill
        // under this generation saw it after the fill's lookup did, so no write lies between.
        let filled = self
            .bodies
            .entry((generation, Arc::clone(&key)))
            .or_try_insert_with(async {
                let entry = Entry::new(fill().await?, self.ttl);
                self.store(key, generation, &entry);
                Ok(entry)
            });
        let filled = filled.await?;
        let outcome = if filled.is_fresh() {
            Outcome::Miss
        } else {
            Outcome::Hit
        };
        Ok(Read {
            entry: filled.into_value(),
            outcome,
        })
    }

    /// The current generation and a copy that was read under it, if there is one; `None` where
    /// Redis is away.
    async fn find(&self, key: &Key) -> Option<(Generation, Option<Entry>)> {
        // Where this process has a copy that is probably still good, the generation is all that
        // has to cross the wire; else what Redis has comes along in the same round trip.
        let probably_here = self
            .lookups
            .last_seen()
            .is_some_and(|seen| self.bodies.contains_key(&(seen, Arc::clone(key))));
        if probably_here {
            let Found { generation, .. } = self.lookups.look_up(None).await?;
            if let Some(entry) = self.bodies.get(&(generation, Arc::clone(key))).await {
                return Some((generation, Some(entry)));
            }
        }
        let Found { generation, stored } = self.lookups.look_up(Some(Arc::clone(key))).await?;
        let slot = (generation, Arc::clone(key));
        if let Some(entry) = self.bodies.get(&slot).await {
            return Some((generation, Some(entry)));
        }
        let entry = stored.and_then(|bytes| Entry::decode(&bytes, generation));
        if let Some(entry) = &entry {
            self.bodies.insert(slot, entry.clone()).await;
        }
        Some((generation, entry))
    }

    /// Stores an entry in Redis without making anybody wait for it.
    fn store(&self, key: Key, generation: Generation, entry: &Entry) {
        let link = Arc::clone(&self.link);
        let (bytes, ttl) = (entry.encode(generation), entry.time_to_live());
        tokio::spawn(async move { link.store(&key, bytes, ttl).await });
    }
}
