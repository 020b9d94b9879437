//! PostgreSQL, which holds the truth: one function per statement or transaction.

pub mod categories;
mod error;
pub mod idempotency;
pub mod import;
pub mod migrations;
mod pool;
mod replica;
mod router;
mod status;
pub mod tasks;
pub mod users;
pub mod wait;

pub use error::DbError;
pub use router::{Database, Router, Source, position};

use sqlx::postgres::PgConnectOptions;
/// A connection to one of the servers.
pub use sqlx::postgres::PgConnection as Connection;

/// How a connection of ours behaves, on top of what the URL says.
///
/// No statement of the API may hang: one that takes longer than `statement_timeout` is cancelled
/// and answered with a 503. Compiling a query costs more than any query of ours takes (`jit`).
pub fn connect_options(url: &PgConnectOptions) -> PgConnectOptions {
    url.clone().application_name("taskfleet").options([
        ("jit", "off"),
        ("statement_timeout", "4s"),
        ("lock_timeout", "3s"),
        // What an instance began that was then frozen must not block others.
        ("idle_in_transaction_session_timeout", "4s"),
    ])
}
