//! PostgreSQL, which holds the truth: one function per statement or transaction.

pub mod categories;
mod error;
pub mod import;
pub mod migrations;
mod status;
pub mod tasks;
pub mod users;

pub use error::DbError;

use crate::config::DatabaseSettings;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::time::Duration;

/// How long a request waits for a connection before it is told to come back later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// How a connection of ours behaves, on top of what the URL says.
///
/// No statement of the API may hang: one that takes longer than `statement_timeout` is cancelled
/// and answered with a 503. Compiling a query costs more than any query of ours takes (`jit`).
pub fn connect_options(url: &PgConnectOptions) -> PgConnectOptions {
    url.clone().application_name("taskfleet").options([
        ("jit", "off"),
        ("statement_timeout", "4s"),
        ("lock_timeout", "3s"),
    ])
}

/// The pool of one of so many workers, which share what connections the process may have; connects
/// when first used, so that an instance can start before PostgreSQL does.
pub fn connect(settings: &DatabaseSettings, workers: usize) -> PgPool {
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    PgPoolOptions::new()
        .max_connections((settings.database_max_connections / workers).max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A round trip before each use would cost more than the rare broken connection, which is
        // found out by its use.
        .test_before_acquire(false)
        .connect_lazy_with(connect_options(&settings.database_url.0))
}
