//! Positions in PostgreSQL's write-ahead log.

/// A log sequence number: a position in PostgreSQL's write-ahead log, in bytes since the log's
/// beginning. A server that has replayed the log up to the position that was current after a commit
/// shows that commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);
