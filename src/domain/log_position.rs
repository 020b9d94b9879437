//! Positions in the write-ahead log of PostgreSQL, each with the history that it belongs to.

use std::fmt;
use std::str::FromStr;

/// A log sequence number: a position in PostgreSQL's write-ahead log, in bytes since the log's
/// beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// The history that a log tells: positions and transactions of two histories cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct History {
    /// The identifier that a database cluster gets when it is made, and its replicas have too.
    pub system: u64,
    /// The number of the timeline, which grows with each promotion of a replica.
    pub timeline: u32,
}

/// A position in the log of one history. A server of that history that has replayed the log up to the
/// position that was current after a commit shows that commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// The history that the log tells.
    pub history: History,
    /// The position in that log.
    pub lsn: Lsn,
}

impl LogPosition {
    /// The later of two positions: the one on the later timeline, or further on the same one; of two
    /// systems the other one, which was asked for later.
    pub fn later(self, other: Self) -> Self {
        if self.history.system != other.history.system {
            return other;
        }
        let order = |position: &Self| (position.history.timeline, position.lsn);
        std::cmp::max_by_key(self, other, order)
    }

    /// Whether a server that has replayed the log up to `replayed` shows everything that was committed
    /// before this position; never on another history, where the numbers mean something else.
    pub fn is_reached_by(self, replayed: Self) -> bool {
        self.history == replayed.history && self.lsn <= replayed.lsn
    }
}

/// `SYSTEM-TIMELINE`, in hexadecimal digits.
impl fmt::Display for History {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}-{:08x}", self.system, self.timeline)
    }
}

impl FromStr for History {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (system, timeline) = text.split_once('-').ok_or(())?;
        Ok(Self {
            system: hexadecimal(system)?,
            timeline: u32::try_from(hexadecimal(timeline)?).map_err(|_| ())?,
        })
    }
}

/// `SYSTEM-TIMELINE-LSN`, in hexadecimal digits of fixed number: of one system, the order of positions is
/// that of their texts.
impl fmt::Display for LogPosition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{:016x}", self.history, self.lsn.0)
    }
}

impl FromStr for LogPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (history, lsn) = text.rsplit_once('-').ok_or(())?;
        Ok(Self {
            history: history.parse()?,
            lsn: Lsn(hexadecimal(lsn)?),
        })
    }
}

fn hexadecimal(text: &str) -> Result<u64, ()> {
    u64::from_str_radix(text, 16).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(system: u64, timeline: u32, lsn: u64) -> LogPosition {
        LogPosition {
            history: History { system, timeline },
            lsn: Lsn(lsn),
        }
    }

    fn position() -> impl Strategy<Value = LogPosition> {
        (any::<u64>(), any::<u32>(), any::<u64>())
            .prop_map(|(system, timeline, lsn)| at(system, timeline, lsn))
    }

    #[test]
    fn the_position_of_a_later_timeline_is_later_whatever_its_number() {
        assert_eq!(at(1, 1, 900).later(at(1, 2, 800)), at(1, 2, 800));
        assert_eq!(at(1, 2, 800).later(at(1, 1, 900)), at(1, 2, 800));
    }

    #[test]
    fn another_system_replaces_a_position() {
        assert_eq!(at(1, 7, 900).later(at(2, 1, 8)), at(2, 1, 8));
    }

    #[test]
    fn only_the_same_history_reaches_a_position() {
        assert!(at(1, 1, 8).is_reached_by(at(1, 1, 8)));
        assert!(!at(1, 1, 8).is_reached_by(at(1, 1, 7)));
        assert!(!at(1, 1, 8).is_reached_by(at(1, 2, 9)));
        assert!(!at(1, 2, 8).is_reached_by(at(1, 1, 9)));
        assert!(!at(1, 1, 8).is_reached_by(at(2, 1, 9)));
    }

    proptest! {
        #[test]
        fn a_position_survives_its_text(position in position()) {
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn texts_of_one_system_are_ordered_like_their_positions(a in position(), b in position()) {
            let b = LogPosition { history: History { system: a.history.system, ..b.history }, ..b };
            let later = std::cmp::max(a.to_string(), b.to_string());
            prop_assert_eq!(a.later(b).to_string(), later);
        }
    }
}
