//! What can go wrong in the database, sorted by what the caller can do about it.

use sqlx::error::{DatabaseError, ErrorKind};

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The task names a user that does not exist.
    #[error("the user does not exist")]
    UnknownUser,
    /// The task names a category that does not exist.
    #[error("the category does not exist")]
    UnknownCategory,
    /// Another user has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// PostgreSQL is out of reach, too busy, shutting down or not migrated: later it may work.
    #[error("PostgreSQL is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The connection broke, or time ran out, while PostgreSQL was carrying out a change: nobody knows
    /// whether it did.
    #[error("PostgreSQL went away in the middle of a change: {0}")]
    Unsettled(#[source] sqlx::Error),
    /// Whoever asked for the change has gone, and may have asked somebody else.
    #[error("whoever asked for this has gone")]
    Unwanted,
    /// Anything else: a fault of ours.
    #[error("{0}")]
    Fault(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match (cause.kind(), cause.constraint()) {
                (ErrorKind::UniqueViolation, Some("users_email_key")) => Self::EmailTaken,
                (ErrorKind::ForeignKeyViolation, Some("tasks_user_id_fkey")) => Self::UnknownUser,
                (ErrorKind::ForeignKeyViolation, Some("tasks_category_id_fkey")) => {
                    Self::UnknownCategory
                }
                _ if is_passing(cause.as_ref()) => Self::Unavailable(error),
                _ => Self::Fault(error),
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
fn is_passing(error: &dyn DatabaseError) -> bool {
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
        "42P01", // undefined table: not migrated yet
        "42703", // undefined column: the same
        "55P03", // lock not available within lock_timeout
        "57014", // cancelled by statement_timeout
        "57P01", // shut down by its administrator
        "57P02", // shut down by a crash
        "57P03", // starting up
    ];
    class.iter().any(|class| code.starts_with(class)) || exact.contains(&code.as_ref())
}
