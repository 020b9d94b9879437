//! Positions in PostgreSQL's write-ahead log.

/// A position in the write-ahead log, in bytes since its beginning (PostgreSQL's LSN). Whoever has
/// replayed the log up to the position that was current after a commit shows that commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);
