//! What an instance knows of itself.

use crate::config::AppEnv;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What an instance knows of itself.
#[derive(Debug)]
pub struct Instance {
    /// The instance's name, as in the header X-Instance.
    pub name: String,
    /// The environment that it runs in.
    pub app_env: AppEnv,
    /// When the instance was started.
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

    /// Whether the instance has been told to end and should get no more requests.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Asks for no more requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
