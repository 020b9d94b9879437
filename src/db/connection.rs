//! The options of connections to PostgreSQL.

use sqlx::postgres::PgConnectOptions;

/// A connection to the primary or a replica.
pub use sqlx::postgres::PgConnection as Connection;

/// The options of every connection, on top of what the URL says.
///
/// No statement of the API may hang: one that takes longer than `statement_timeout` is cancelled
/// and answered with a 503. Compiling a query costs more than any query of ours takes (`jit`).
pub(super) fn connect_options(url: &PgConnectOptions) -> PgConnectOptions {
    url.clone().application_name("taskfleet").options([
        ("jit", "off"),
        ("statement_timeout", "4s"),
        ("lock_timeout", "3s"),
        // A transaction of an instance that was frozen must not block others.
        ("idle_in_transaction_session_timeout", "2s"),
    ])
}
