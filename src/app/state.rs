//! What the handlers of one worker share.

use super::instance::Instance;
use super::read::Reader;
use super::write::Writer;
use crate::auth::passwords::PasswordHasher;
use std::sync::Arc;

/// What the handlers of one worker share.
pub struct AppState {
    /// The way to read.
    pub reader: Reader,
    /// The way to write.
    pub writer: Writer,
    /// Hashes passwords.
    pub passwords: Arc<PasswordHasher>,
    /// What this instance knows of itself.
    pub instance: Arc<Instance>,
}
