//! Reading: lists through the cache, everything else from a server that shows what was acknowledged.

use crate::cache::{Cache, CachedList, ListKey};
use crate::db::{Connection, DbError, Router};
use crate::domain::served_from::ServedFrom;
use std::rc::Rc;
use std::sync::Arc;

/// The reads of one worker.
pub struct Reader {
    db: Rc<Router>,
    cache: Rc<Cache>,
}

impl Reader {
    /// A reader of this database and of the cached lists in this cache.
    pub fn new(db: Rc<Router>, cache: Rc<Cache>) -> Self {
        Self { db, cache }
    }

    /// Whether cached lists can be used at the moment.
    pub fn is_redis_connected(&self) -> bool {
        self.cache.is_connected()
    }

    /// Runs statements that only read, on a replica that has replayed every write that was acknowledged
    /// before this call, else on the primary. Returns their value and the server that answered.
    pub async fn read<T>(
        &self,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
    ) -> Result<(T, ServedFrom), DbError> {
        // What a replica must have replayed; not asked for where there is none.
        let position = match self.db.has_replicas() {
            true => self.cache.position().await,
            false => None,
        };
        self.db.read(position, statements).await
    }

    /// Runs statements that only read, on the primary, for the health checks of an instance.
    pub async fn read_primary<T>(
        &self,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let (value, _) = self.db.read(None, statements).await?;
        Ok(value)
    }

    /// A list as of this call or later: a copy that no acknowledged write has outdated or, where there
    /// is none, the body that `encode` makes of what `query` reads.
    ///
    /// Requests of this instance that miss the same list at once share one query (single-flight), and
    /// its error where it fails.
    pub async fn read_list<T>(
        &self,
        key: ListKey,
        query: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
        encode: impl FnOnce(T) -> serde_json::Result<Vec<u8>>,
    ) -> Result<CachedList, Arc<DbError>> {
        let fill = |position| async move {
            let (list, served_from) = self.db.read(position, query).await?;
            Ok((encode(list)?, served_from))
        };
        self.cache.read(key, fill).await
    }
}
