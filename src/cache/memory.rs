//! The entries that a process keeps in memory, so that a hit needs no body from Redis.

use super::entry::Entry;
use super::key::ListKey;
use super::view::Stamp;
use moka::Expiry;
use std::time::{Duration, Instant};

/// A copy with the stamp that it was read under.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The stamp that has to be current for the copy to count.
    pub stamp: Stamp,
    /// The body.
    pub entry: Entry,
}

/// The copies that this process keeps in memory, the latest of each list.
pub type Bodies = moka::future::Cache<ListKey, Copy>;

/// An empty store that evicts copies (W-TinyLFU) when they take more than about this many bytes.
pub fn bodies(capacity: u64) -> Bodies {
    /// The approximate size of a copy's headers and bookkeeping, in bytes.
    const OVERHEAD: usize = 512;
    moka::future::Cache::builder()
        .max_capacity(capacity)
        .weigher(|key: &ListKey, copy: &Copy| {
            let size = OVERHEAD + key.as_str().len() + copy.entry.body.len();
            u32::try_from(size).unwrap_or(u32::MAX)
        })
        .expire_after(ByEntry)
        .build()
}

/// Evicts a copy when its own time is over.
struct ByEntry;

impl Expiry<ListKey, Copy> for ByEntry {
    fn expire_after_create(&self, _: &ListKey, copy: &Copy, _: Instant) -> Option<Duration> {
        Some(copy.entry.time_to_live())
    }

    fn expire_after_update(
        &self,
        _: &ListKey,
        copy: &Copy,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(copy.entry.time_to_live())
    }
}
