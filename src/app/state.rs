//! The state that the handlers of one worker share.

use super::instance::Instance;
use super::read::Reader;
use super::write::Writer;
use crate::auth::passwords::PasswordHasher;
use std::sync::Arc;

/// The state that the handlers of one worker share.
pub struct AppState {
    /// Reads, through the cache and the replicas.
    pub reader: Reader,
    /// Writes, each with its announcement.
    pub writer: Writer,
    /// Hashes passwords off the threads that serve requests.
    pub passwords: Arc<PasswordHasher>,
    /// The identity and state of this instance.
    pub instance: Arc<Instance>,
}
