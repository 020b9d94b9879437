//! Hashing of passwords with argon2id, which is slow on purpose.

use crate::domain::text::Password;
use argon2::{Argon2, PasswordHasher as _};
use std::error::Error;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// Hashes passwords off the threads that serve requests, at most as many at once as there are
/// cores: each takes 19 MiB and tens of milliseconds of a core (argon2's recommended parameters,
/// RFC 9106 and the OWASP cheat sheet), so more at once would only make each of them slower.
pub struct PasswordHasher {
    cores: Arc<Semaphore>,
}

/// The error of a password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password: {0}")]
pub struct HashError(String);

impl PasswordHasher {
    /// A hasher that runs as many hashes at once as this machine has cores.
    pub fn new() -> Self {
        let cores = available_parallelism().map_or(1, |cores| cores.get());
        Self {
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// The argon2id hash of a password under a new random salt, as a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, HashError> {
        self.run(password, |password| {
            let hash = Argon2::default().hash_password(password)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// 32 bytes that stand for a password, the same for the same salt, and as slow to make as its
    /// hash.
    pub async fn derive(&self, password: &Password, salt: [u8; 32]) -> Result<[u8; 32], HashError> {
        self.run(password, move |password| {
            let mut derived = [0; 32];
            Argon2::default().hash_password_into(password, &salt, &mut derived)?;
            Ok(derived)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &Password,
        work: impl FnOnce(&[u8]) -> Result<T, Box<dyn Error + Send + Sync>> + Send + 'static,
    ) -> Result<T, HashError> {
        let password = password.as_str().to_owned();
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let core = core.map_err(|closed| HashError(closed.to_string()))?;
        let working = tokio::task::spawn_blocking(move || {
            // Held by the work and not by the waiting, which ends when a client goes away.
            let _core = core;
            work(password.as_bytes())
        });
        match working.await {
            Ok(done) => done.map_err(|error| HashError(error.to_string())),
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
        let password = Password::parse("correct horse".to_owned()).unwrap();
        let hash = || hasher.hash(&password);
        let (first, second) = (hash().await.unwrap(), hash().await.unwrap());
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, second);
    }
}
