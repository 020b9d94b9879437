//! The origin of the answer to a read.

use std::fmt;

/// The server or cache that answered a read; as text, the value of the header X-Served-From.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedFrom {
    /// A cached copy.
    Cache,
    /// PostgreSQL's primary.
    Primary,
    /// The replica with this number, counted from 1 in the order of `DATABASE_REPLICA_URLS`.
    Replica(usize),
}

impl fmt::Display for ServedFrom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache => out.write_str("cache"),
            Self::Primary => out.write_str("primary"),
            Self::Replica(number) => write!(out, "replica-{number}"),
        }
    }
}
