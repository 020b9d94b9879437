//! Copies of lists in Redis and in this process, none of which is served once it is outdated.
//!
//! Everything that a list shows has one *generation*, a number in Redis that each write raises
//! after its commit and before its acknowledgement. A copy counts only if it was read under the
//! generation that is current when it is asked for. See docs/adr/0001-freshness.md.

mod batcher;
mod entry;
mod generation;
mod link;
mod lookup;
mod reader;

pub use entry::{Bodies, Entry, bodies};
pub use link::AskPosition;
pub use reader::{Key, Outcome, Read};

use crate::config::CacheSettings;
use crate::domain::lsn::Lsn;
use batcher::Batcher;
use link::Link;
use lookup::Lookups;
use std::sync::Arc;
use std::time::Duration;

/// One worker's cache: its own connection to Redis, which spares each lookup the way to another
/// thread and back, and the bodies that all workers of the instance remember.
pub struct Cache {
    link: Arc<Link>,
    lookups: Lookups,
    bumps: Batcher<(), bool>,
    bodies: Bodies,
    /// How long an entry may be served after it was read from the database.
    ttl: Duration,
}

impl Cache {
    /// Begins to connect to Redis; until that is done, every read goes to the database.
    pub fn start(settings: &CacheSettings, bodies: Bodies, ask_position: AskPosition) -> Self {
        let link = Link::start(settings, ask_position);
        let pause = Duration::from_millis(settings.cache_lookup_pause_ms);
        Self {
            lookups: Lookups::new(Arc::clone(&link), pause),
            bumps: Batcher::new(Duration::ZERO),
            link,
            bodies,
            ttl: Duration::from_secs(settings.cache_ttl_seconds),
        }
    }

    /// Makes everything outdated that was read before now, copies and replicas alike. To be called
    /// after each commit and before its acknowledgement; those that wait at the same time share one
    /// bump, and one question for the primary's position.
    ///
    /// False where the primary's position could not be learnt, so that a replica may not show the
    /// commit: it must not be acknowledged. A Redis that is away is no failure: the bump is tried
    /// again in the background, and this worker trusts no copy until it is delivered.
    pub async fn bump(&self) -> bool {
        let link = Arc::clone(&self.link);
        let run_batch = async move |waiting: &[()]| vec![link.bump().await; waiting.len()];
        self.bumps.submit((), run_batch).await.unwrap_or(false)
    }

    /// What a replica must have replayed to show everything that was acknowledged before now; `None`
    /// where that is not known.
    pub async fn position(&self) -> Option<Lsn> {
        self.lookups.look_up(None).await?.position
    }

    /// Whether Redis answers.
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// Waits until Redis answers.
    pub async fn connected(&self) {
        self.link.connected().await;
    }
}
