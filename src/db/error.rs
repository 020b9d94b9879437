//! Errors of statements, sorted by what the client can do about them.

use super::constraints::{self, Rule};
use sqlx::error::DatabaseError;

/// An error of statements or of their transaction.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// There is no row with the id that was to be updated.
    #[error("there is no such row")]
    NotFound,
    /// The row that this field refers to does not exist.
    #[error("{0} refers to a row that does not exist")]
    UnknownReference(&'static str),
    /// Another row has the same value under a unique constraint, as this sentence tells a client.
    #[error("{0}")]
    Duplicate(&'static str),
    /// A request with the same idempotency key is being carried out.
    #[error("a request with the same idempotency key is being carried out")]
    RequestInProgress,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// PostgreSQL is out of reach, too busy, shutting down or not migrated, and wrote nothing: the same
    /// request may succeed later.
    #[error("PostgreSQL is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The connection broke, or time ran out, during a commit, so that the write may or may not be
    /// committed. `None`: it was committed, but the primary's log position could not be learnt, so that
    /// a replica may not show it.
    #[error("the outcome of a write is not known: {}", cause(.0))]
    OutcomeUnknown(#[source] Option<sqlx::Error>),
    /// Another try of the same request was carried out; the id of what it created, if it created something.
    #[error("the request was carried out before")]
    AlreadyDone(Option<i64>),
    /// The client closed its connection before its write was begun, and may have sent it again.
    #[error("the client has disconnected")]
    ClientDisconnected,
    /// Any other error: a fault of the program.
    #[error("{0}")]
    Fault(#[source] sqlx::Error),
}

fn cause(error: &Option<sqlx::Error>) -> String {
    error.as_ref().map_or_else(
        || "the primary's position could not be learnt".to_owned(),
        sqlx::Error::to_string,
    )
}

impl DbError {
    /// Whether PostgreSQL ended the transaction to resolve a deadlock.
    pub fn is_deadlock(&self) -> bool {
        self.has_code(&["40P01"])
    }

    /// Whether the server ended the transaction because nobody went on with it.
    pub(super) fn is_idle_for_too_long(&self) -> bool {
        self.has_code(&["25P03"])
    }

    /// Whether the connection is gone: it broke, or the server has ended it.
    pub(super) fn is_lost_connection(&self) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::Io(_)))
            || self.has_code(&["57P01", "57P02", "57P05"])
    }

    /// Whether a server refused what a replica refuses: to write, or to tell where its log is written.
    pub(super) fn is_from_replica(&self) -> bool {
        self.has_code(&["25006", "55000"])
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::Database(cause))
            if cause.code().is_some_and(|code| codes.contains(&code.as_ref())))
    }
}

/// The violation of a rule.
impl From<Rule> for DbError {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Unique(sentence) => Self::Duplicate(sentence),
            Rule::Reference(path) => Self::UnknownReference(path),
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match cause.constraint().and_then(constraints::rule) {
                Some(rule) => rule.into(),
                None if is_transient(cause.as_ref()) => Self::Unavailable(error),
                None => Self::Fault(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Fault(error),
        }
    }
}

impl From<serde_json::Error> for DbError {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(sqlx::Error::Encode(error.into()))
    }
}

/// Whether PostgreSQL's error code tells of a state that passes, by its class or by itself (see
/// PostgreSQL's appendix A, "Error Codes").
fn is_transient(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    let class = [
        "08", /* connection */
        "28", /* authorization: a password that is being changed */
        "3D", /* no such database (yet) */
        "40", /* rolled back */
        "53", /* resources */
    ];
    let exact = [
        "25006", // read-only transaction: a standby, or a primary that was just demoted
        "25P03", // idle for longer than idle_in_transaction_session_timeout
        "25P04", // longer than transaction_timeout
        "42P01", // undefined table: not migrated yet
        "42703", // undefined column: the same
        "55000", // wrong state: the same as 25006, where it is asked for its position
        "55P03", // lock not available within lock_timeout
        "57014", // cancelled by statement_timeout
        "57P01", // shut down by its administrator
        "57P02", // shut down by a crash
        "57P03", // starting up
        "57P05", // idle for longer than the server's administrator allows
    ];
    class.iter().any(|class| code.starts_with(class)) || exact.contains(&code.as_ref())
}
