//! The identity and state of an instance.

use super::in_flight::WritesInFlight;
use crate::config::AppEnv;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The identity and state of an instance, which its workers share.
#[derive(Debug)]
pub struct Instance {
    /// The instance's name, as in the header X-Instance.
    pub name: String,
    /// The environment that the instance runs in (`APP_ENV`).
    pub app_env: AppEnv,
    /// The time at which the instance was started, for its uptime.
    pub started: Instant,
    /// The writes that are under way on all workers.
    pub(crate) writes: Arc<WritesInFlight>,
    draining: AtomicBool,
}

impl Instance {
    /// An instance that starts now.
    pub fn new(name: String, app_env: AppEnv) -> Self {
        Self {
            name,
            app_env,
            started: Instant::now(),
            writes: Arc::default(),
            draining: AtomicBool::new(false),
        }
    }

    /// Whether the instance was told to end and should get no more requests.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Makes the instance not ready, so that it gets no more requests, and its answers close their
    /// connections.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
