//! Hashing of passwords with argon2id, which is slow on purpose.

use crate::domain::user::Password;
use argon2::{Argon2, PasswordHasher as _};
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// Hashes passwords off the threads that serve requests, at most as many at once as there are
/// cores: each takes 19 MiB and tens of milliseconds of a core (argon2's recommended parameters,
/// RFC 9106 and the OWASP cheat sheet), so more at once would only slow everybody down.
pub struct PasswordHasher {
    cores: Arc<Semaphore>,
}

/// The hash could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password: {0}")]
pub struct HashError(String);

impl PasswordHasher {
    /// A hasher for this machine's cores.
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, |cores| cores.get());
        Self {
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// The PHC string of a password under a new random salt.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let core = core.map_err(|closed| HashError(closed.to_string()))?;
        let hashing = tokio::task::spawn_blocking(move || {
            // Held by the hashing and not by the waiting, which ends when a client goes away.
            let _core = core;
            Argon2::default()
                .hash_password(password.0.as_bytes())
                .map(|hash| hash.to_string())
        });
        match hashing.await {
            Ok(hashed) => hashed.map_err(|error| HashError(error.to_string())),
            Err(panicked) => Err(HashError(panicked.to_string())),
        }
    }
}

impl Default for PasswordHasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_differs_each_time() {
        let hasher = PasswordHasher::new();
        let hash = || hasher.hash(Password("correct horse".to_owned()));
        let (first, second) = (hash().await.unwrap(), hash().await.unwrap());
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, second);
    }
}
