//! Waiting for PostgreSQL, the first step of the roles that need it.

use crate::config::DatabaseSettings;
use crate::db;
use crate::shutdown::shutdown_signal;
use std::error::Error;

/// Waits for PostgreSQL; false where SIGTERM or SIGINT asked the process to end meanwhile, and an error
/// where PostgreSQL cannot be reached within `DATABASE_WAIT_SECONDS`.
pub(super) async fn wait_for_database(settings: &DatabaseSettings) -> Result<bool, Box<dyn Error>> {
    tokio::select! {
        reachable = db::wait::until_reachable(settings) => match reachable {
            Ok(()) => Ok(true),
            Err(error) => {
                let seconds = settings.database_wait.as_secs();
                Err(format!("Gave up after {seconds} s (DATABASE_WAIT_SECONDS): {error}.").into())
            }
        },
        signal = shutdown_signal() => {
            signal?;
            log::info!("ended while waiting for PostgreSQL");
            Ok(false)
        }
    }
}
