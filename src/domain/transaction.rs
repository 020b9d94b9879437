//! Transactions of PostgreSQL, by which a mark says whose outcome it stands for.

use super::log_position::History;
use std::fmt;
use std::str::FromStr;

/// A transaction on the primary: its 64-bit id, which is never used again in one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The history that the id belongs to.
    pub history: History,
    /// The id, as `pg_current_xact_id()` returns it.
    pub id: u64,
}

/// `SYSTEM-TIMELINE-ID`, in hexadecimal digits.
impl fmt::Display for Transaction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{:x}", self.history, self.id)
    }
}

impl FromStr for Transaction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (history, id) = text.rsplit_once('-').ok_or(())?;
        Ok(Self {
            history: history.parse()?,
            id: u64::from_str_radix(id, 16).map_err(|_| ())?,
        })
    }
}
