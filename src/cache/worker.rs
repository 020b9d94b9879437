//! One worker's part in the protocol: what it looks up, keeps, marks and raises.

use super::batcher::Batcher;
use super::commands::Raise;
use super::connection::RedisConnection;
use super::entry::Entry;
use super::key::ListKey;
use super::links::Links;
use super::lookup::Lookups;
use super::mark::{Mark, MarkId};
use super::memory::{Bodies, Copy};
use super::primary::Primary;
use super::repair::Repairs;
use super::view::{Subject, View};
use crate::config::CacheSettings;
use crate::domain::log_position::LogPosition;
use crate::domain::scope::Dependency;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What a search for a copy of a list found.
#[derive(Debug)]
pub enum Search {
    /// A copy that shows everything that it must.
    Hit(Entry),
    /// No such copy, but what there is to know for reading the list.
    Miss(View),
    /// Redis is away, so that no copy can be relied on.
    Bypass,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// The scopes are raised and the mark is taken away.
    Raised,
    /// This worker's connection could not raise; the log position that the commit lies before.
    NotRaised(LogPosition),
    /// The primary did not tell its position, so that a replica might not show the commit: the mark, if
    /// there is one, stays, and the commit must not be acknowledged.
    NoPosition,
}

/// One worker's cache: its own connection to Redis, which spares each lookup the way to another thread
/// and back, and the bodies that all workers of the process share.
pub struct Cache {
    connection: Arc<RedisConnection>,
    links: Arc<Links>,
    primary: Arc<Primary>,
    lookups: Lookups,
    announcements: Batcher<Raise, Announced>,
    bodies: Bodies,
    /// The time for which an entry may be served after it was read from the database.
    ttl: Duration,
}

impl Cache {
    /// A cache that connects to Redis in the background; until it is connected, every read goes to the
    /// database. Its connection becomes one of `links`.
    pub fn start(
        settings: &CacheSettings,
        bodies: Bodies,
        links: Arc<Links>,
        primary: Primary,
    ) -> Self {
        let primary = Arc::new(primary);
        let connection = RedisConnection::start(settings, Arc::clone(&primary));
        links.add(&connection);
        let repairs = Repairs::new(Arc::clone(&primary), Arc::clone(&links));
        Self {
            lookups: Lookups::new(
                Arc::clone(&connection),
                settings.cache_lookup_pause,
                repairs,
            ),
            announcements: Batcher::new(Duration::ZERO),
            connection,
            links,
            primary,
            bodies,
            ttl: settings.cache_ttl,
        }
    }

    /// Whether Redis is connected, so that copies can be used.
    pub fn is_trusted(&self) -> bool {
        self.connection.is_trusted()
    }

    /// Waits until copies can be used.
    pub async fn trusted(&self) {
        self.connection.trusted().await;
    }

    /// What there is to know for reading this; `None` where Redis is away.
    pub async fn look(&self, subject: Subject) -> Option<View> {
        self.lookups.look(subject).await
    }

    /// Searches a copy of a list that shows everything that was acknowledged, or shown to anybody, before
    /// this call.
    pub async fn search(&self, key: &ListKey, dependency: Dependency) -> Search {
        // Where this process has a copy that is probably still good, its stamp is all that has to cross
        // the wire; else what Redis has comes along in the same round trip.
        if let Some(Copy { stamp, entry }) = self.bodies.get(key).await
            && self.lookups.is_last_seen(dependency, stamp)
        {
            let Some(view) = self.look(Subject::List(dependency)).await else {
                return Search::Bypass;
            };
            if view.lets_hit(stamp) {
                return Search::Hit(entry);
            }
            if view.is_marked() {
                return Search::Miss(view);
            }
        }
        let Some(found) = self.lookups.find(dependency, key.clone()).await else {
            return Search::Bypass;
        };
        let view = found.view;
        if view.is_marked() {
            return Search::Miss(view);
        }
        let stamp = view.stamp;
        if let Some(copy) = self.bodies.get(key).await
            && copy.stamp == stamp
        {
            return Search::Hit(copy.entry);
        }
        // Not for longer than a new one, whatever Redis' clock says.
        let decode = |(bytes, left)| Entry::decode(&bytes, stamp, self.ttl.min(left));
        match found.stored.and_then(decode) {
            Some(entry) => {
                let copy = Copy {
                    stamp,
                    entry: entry.clone(),
                };
                self.bodies.insert(key.clone(), copy).await;
                Search::Hit(entry)
            }
            None => Search::Miss(view),
        }
    }

    /// A copy of a list that this process keeps, if it is good for a read after each of these views; a read
    /// that knows nothing gets none.
    pub async fn copy(&self, key: &ListKey, views: &[Option<View>]) -> Option<Entry> {
        let copy = self.bodies.get(key).await?;
        let is_good =
            |view: &Option<View>| view.as_ref().is_some_and(|view| view.lets_hit(copy.stamp));
        views.iter().all(is_good).then_some(copy.entry)
    }

    /// The entry of a list that was read by a query which began at `read_at`, after this view. It is kept in
    /// this process and, in the background, in Redis, unless it is known to be outdated: it would never
    /// be served, and it might replace one that is not.
    pub async fn keep(
        &self,
        key: &ListKey,
        view: Option<&View>,
        body: Vec<u8>,
        read_at: Instant,
    ) -> Entry {
        let entry = Entry::new(body, read_at, self.ttl);
        if let Some(view) = view
            && let Some(stamp) = view.stamp_of_copy()
            && let Subject::List(dependency) = view.subject
            && self.lookups.is_last_seen(dependency, stamp)
        {
            let copy = Copy {
                stamp,
                entry: entry.clone(),
            };
            self.bodies.insert(key.clone(), copy).await;
            self.lookups.store(key.clone(), stamp, &entry);
        }
        entry
    }

    /// Leaves a mark over this worker's connection; false where that cannot.
    pub async fn leave_mark(&self, id: &MarkId, mark: &Mark) -> bool {
        self.connection.leave_mark(id, mark).await
    }

    /// The connections to Redis of all workers of this process.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Announces a commit: asks the primary's position, raises it and what the commit changed, and takes
    /// its mark away. To be called after each commit and before its acknowledgement; calls that wait at
    /// the same time share one question and one round trip.
    ///
    /// The announcement is made whether or not the receiver is still there.
    pub fn announce(&self, raise: Raise) -> oneshot::Receiver<Announced> {
        let connection = Arc::clone(&self.connection);
        let primary = Arc::clone(&self.primary);
        let run_batch = async move |raises: &[Raise]| {
            let Some(position) = (primary.position)().await else {
                return vec![Announced::NoPosition; raises.len()];
            };
            let announced = match connection.raise(raises, position).await {
                true => Announced::Raised,
                false => Announced::NotRaised(position),
            };
            vec![announced; raises.len()]
        };
        self.announcements.submit(raise, run_batch)
    }
}
