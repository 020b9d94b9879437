//! What the handlers of one worker share.

use crate::cache::Cache;
use crate::config::AppEnv;
use crate::password::PasswordHasher;
use sqlx::postgres::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What the handlers of one worker share.
pub struct AppState {
    /// The database.
    pub db: PgPool,
    /// The cache.
    pub cache: Cache,
    /// Hashes passwords.
    pub passwords: Arc<PasswordHasher>,
    /// This instance.
    pub instance: Arc<Instance>,
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
