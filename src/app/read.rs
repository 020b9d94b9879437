//! Reading: lists from copies or by a fill, everything else from a server that shows what was
//! acknowledged.

use super::fills::Fills;
use crate::cache::view::{Source, Subject, View};
use crate::cache::{Cache, Entry, ListKey, Search};
use crate::db::{Connection, DbError, Router};
use crate::domain::scope::Dependency;
use crate::domain::served_from::ServedFrom;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Whether a list is a cached copy (the header X-Cache).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// The list is a copy, or was read by a query that served another request first.
    Hit,
    /// The list was read from the database, and a copy was made where that would be of use.
    Miss,
    /// The list was read from the database, because Redis is away.
    Bypass,
}

/// An encoded list with where it came from.
#[derive(Clone, Debug)]
pub struct CachedList {
    /// The finished body and its entity tag.
    pub entry: Entry,
    /// Whether the list is a cached copy.
    pub cache_status: CacheStatus,
    /// The server or the cache that the list was read from.
    pub served_from: ServedFrom,
}

/// The fills of all workers of a process. What a read knows beforehand, if Redis is there, is its need.
pub type ListFills = Fills<Option<View>, Result<CachedList, Arc<DbError>>>;

/// The reads of one worker.
#[derive(Clone)]
pub struct Reader {
    db: Rc<Router>,
    cache: Rc<Cache>,
    fills: Arc<ListFills>,
}

impl Reader {
    /// A reader of this database and of the cached lists in this cache.
    pub fn new(db: Rc<Router>, cache: Rc<Cache>, fills: Arc<ListFills>) -> Self {
        Self { db, cache, fills }
    }

    /// Whether cached lists can be used at the moment.
    pub fn is_redis_connected(&self) -> bool {
        self.cache.is_trusted()
    }

    /// Runs statements that only read, on a replica that shows every write that was acknowledged before
    /// this call, else on the primary. Returns their value and the server that answered.
    pub async fn read<T>(
        &self,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
    ) -> Result<(T, ServedFrom), DbError> {
        // What there is to know is of use only where there are replicas.
        let view = match self.db.has_replicas() {
            true => self.cache.look(Subject::Things).await,
            false => None,
        };
        self.read_knowing(view.as_ref(), &statements).await
    }

    /// Runs statements that only read, on the primary.
    pub async fn read_primary<T>(
        &self,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.db.read_primary(statements).await
    }

    /// A list as of this call or later: a copy that nothing has outdated or, where there is none, the body
    /// that `encode` makes of what `query` reads.
    ///
    /// Requests of this process that miss the same list share a query that starts after they came, and its
    /// error where it fails.
    pub async fn read_list<T>(
        &self,
        key: ListKey,
        dependency: Dependency,
        query: impl AsyncFn(&mut Connection) -> Result<T, DbError> + Clone + 'static,
        encode: impl Fn(T) -> serde_json::Result<Vec<u8>> + Clone + 'static,
    ) -> Result<CachedList, Arc<DbError>> {
        let need = match self.cache.search(&key, dependency).await {
            Search::Hit(entry) => {
                return Ok(CachedList {
                    entry,
                    cache_status: CacheStatus::Hit,
                    served_from: ServedFrom::Cache,
                });
            }
            Search::Miss(view) => Some(view),
            Search::Bypass => None,
        };
        let reader = self.clone();
        let list = key.clone();
        let fill = async move |needs: &[Option<View>]| {
            let filled = reader.fill(&list, needs, &query, &encode).await;
            filled.map_err(Arc::new)
        };
        // Boxed, so that the future of a hit, which never gets here, is small: the framework moves
        // it several times.
        let (filled, is_first) = Box::pin(self.fills.join(key, need, fill)).await;
        let mut list = filled?;
        if !is_first && list.cache_status == CacheStatus::Miss {
            (list.cache_status, list.served_from) = (CacheStatus::Hit, ServedFrom::Cache);
        }
        Ok(list)
    }

    /// Reads a list for all of these reads.
    async fn fill<T>(
        &self,
        key: &ListKey,
        needs: &[Option<View>],
        query: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
        encode: impl Fn(T) -> serde_json::Result<Vec<u8>>,
    ) -> Result<CachedList, DbError> {
        // The query before this one may have left a copy that is as good for these reads as if they had come
        // later.
        if let Some(entry) = self.cache.copy(key, needs).await {
            return Ok(CachedList {
                entry,
                cache_status: CacheStatus::Hit,
                served_from: ServedFrom::Cache,
            });
        }
        let view = strictest(needs);
        let read_at = Instant::now();
        let (list, served_from) = self.read_knowing(view.as_ref(), &query).await?;
        let body = encode(list)?;
        Ok(CachedList {
            entry: self.cache.keep(key, view.as_ref(), body, read_at).await,
            cache_status: match view {
                Some(_) => CacheStatus::Miss,
                None => CacheStatus::Bypass,
            },
            served_from,
        })
    }

    /// Runs statements that only read, by what a lookup before them saw.
    async fn read_knowing<T>(
        &self,
        view: Option<&View>,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
    ) -> Result<(T, ServedFrom), DbError> {
        if let Some(view) = view
            && let Source::ReplicaAt(position) = view.source()
            && let Some((value, replica)) = self.db.read_replica(position, &statements).await
        {
            // A replica may show a commit before the primary does.
            let later = self.cache.look(view.subject).await;
            if later.is_some_and(|later| later.confirms(view)) {
                return Ok((value, replica));
            }
        }
        let value = self.db.read_primary(statements).await?;
        Ok((value, ServedFrom::Primary))
    }
}

/// What holds for all of these reads: the view of the last one, with the strictest source that any of them
/// needs. `None` where one of them knows nothing.
fn strictest(needs: &[Option<View>]) -> Option<View> {
    let views: Option<Vec<&View>> = needs.iter().map(Option::as_ref).collect();
    let views = views?;
    let last = *views.last()?;
    // What an earlier stamp confirms, a later one does not; so they have to be the same.
    let is_replica_enough = views.iter().all(|view| view.stamp == last.stamp);
    let source = views
        .iter()
        .map(|view| view.source())
        .reduce(Source::stricter)?;
    let position = match source {
        Source::ReplicaAt(position) if is_replica_enough => Some(position),
        _ => None,
    };
    Some(View {
        position,
        ..last.clone()
    })
}
