//! What the handlers of one worker share.

use crate::cache::Cache;
use crate::caller;
use crate::config::AppEnv;
use crate::db::{Connection, DbError, Router};
use crate::domain::lsn::Lsn;
use crate::error::ApiError;
use crate::password::PasswordHasher;
use actix_web::HttpRequest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What the handlers of one worker share.
pub struct AppState {
    /// The database.
    pub db: Router,
    /// The cache.
    pub cache: Cache,
    /// Hashes passwords.
    pub passwords: Arc<PasswordHasher>,
    /// This instance.
    pub instance: Arc<Instance>,
}

impl AppState {
    /// What a replica must have replayed to show everything that was acknowledged before now; `None`
    /// where there is no replica to read from, or where that is not known.
    pub async fn freshness(&self) -> Option<Lsn> {
        match self.db.has_replicas() {
            true => self.cache.position().await,
            false => None,
        }
    }

    /// Makes a change in the database, unless whoever sent this request has gone.
    pub async fn write<T>(
        &self,
        request: &HttpRequest,
        statements: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let is_wanted = || !caller::has_gone(request);
        self.db.write(is_wanted, statements).await
    }

    /// Makes a change that was just committed visible everywhere, so that it can be acknowledged.
    pub async fn announce(&self) -> Result<(), ApiError> {
        match self.cache.bump().await {
            true => Ok(()),
            false => Err(ApiError::Unsettled(None)),
        }
    }
}

/// What an instance knows of itself.
#[derive(Debug)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub app_env: AppEnv,
    /// When it was started.
    pub started: Instant,
    draining: AtomicBool,
}

impl Instance {
    /// An instance that starts now.
    pub fn new(name: String, app_env: AppEnv) -> Self {
        Self {
            name,
            app_env,
            started: Instant::now(),
            draining: AtomicBool::new(false),
        }
    }

    /// Whether it has been told to end, and should get no more requests.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Asks for no more requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
