//! Copies of lists in Redis and in this process, none of which is served once it is outdated.
//!
//! Everything that a list shows has one *generation*, a number in Redis that each write raises
//! after its commit and before its acknowledgement. A copy counts only if it was read under the
//! generation that is current when it is asked for. See docs/adr/0001-freshness.md.

mod entry;
mod generation;
mod link;
mod lookup;
mod reader;

pub use entry::Entry;
pub use reader::{Key, Outcome, Read, Reader};

use crate::config::CacheSettings;
use entry::Bodies;
use link::Link;
use std::sync::Arc;
use std::time::Duration;

/// What an instance's workers share of the cache: the connection to Redis and the remembered
/// bodies.
pub struct Cache {
    link: Arc<Link>,
    bodies: Bodies,
    /// How long an entry may be served after it was read from the database.
    ttl: Duration,
    /// The shortest time from the answer to one lookup to the start of the next.
    lookup_pause: Duration,
}

impl Cache {
    /// Begins to connect to Redis; until that is done, every read goes to the database.
    pub fn start(settings: &CacheSettings) -> Arc<Self> {
        let ttl = Duration::from_secs(settings.cache_ttl_seconds);
        Arc::new(Self {
            link: Link::start(settings),
            bodies: entry::bodies(settings.cache_memory_mib * 1024 * 1024),
            ttl,
            lookup_pause: Duration::from_millis(settings.cache_lookup_pause_ms),
        })
    }

    /// Makes everything outdated that was read before now. To be called after each commit and
    /// before its acknowledgement.
    ///
    /// Never fails: a bump that cannot be delivered is tried again in the background, and this
    /// instance trusts no copy until it is.
    pub async fn bump(&self) {
        self.link.bump().await;
    }

    /// Whether Redis answers.
    pub fn is_connected(&self) -> bool {
        self.link.connection().is_some()
    }

    /// Waits until Redis answers.
    pub async fn connected(&self) {
        self.link.connected().await;
    }
}
