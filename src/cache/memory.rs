//! The entries that a process keeps in memory, so that a hit needs no body from Redis.

use super::entry::Entry;
use super::generation::Generation;
use super::key::ListKey;
use moka::Expiry;
use std::time::{Duration, Instant};

/// The entries that this process keeps in memory, each under the generation at which it was read. An
/// entry of an older generation is never found again and is evicted in time. Requests that miss the
/// same entry at once share one fill (single-flight).
pub type Bodies = moka::future::Cache<(Generation, ListKey), Entry>;

/// An empty store that evicts entries (W-TinyLFU) when they take more than about this many bytes.
pub fn bodies(capacity: u64) -> Bodies {
    /// The approximate size of an entry's headers and bookkeeping, in bytes.
    const OVERHEAD: usize = 512;
    moka::future::Cache::builder()
        .max_capacity(capacity)
        .weigher(|(_, key): &(Generation, ListKey), entry: &Entry| {
            u32::try_from(OVERHEAD + key.as_str().len() + entry.body.len()).unwrap_or(u32::MAX)
        })
        .expire_after(ByEntry)
        .build()
}

/// Evicts an entry when its own time is over.
struct ByEntry;

impl Expiry<(Generation, ListKey), Entry> for ByEntry {
    fn expire_after_create(
        &self,
        _: &(Generation, ListKey),
        entry: &Entry,
        _: Instant,
    ) -> Option<Duration> {
        Some(entry.time_to_live())
    }
}
