//! Which operations a read contradicts that no order explains.
//!
//! Of two values of a register, each written once, one is there before the other. That is contradicted
//! where one was certainly there before an operation of the other began, and again after that had ended
//! (Gibbons and Korach, "Testing shared memories", 1997: the zones of two values overlap).

use super::history::{
    FINAL_READER, MISSING, Moment, Origin, ReadRecord, Register, Seen, WriteRecord,
};
use std::fmt;
use std::time::Duration;

/// Why no order explains a read.
pub(super) struct Explanation {
    /// What the read does.
    pub reason: Reason,
    /// The read and the operations that it contradicts, for a person.
    pub description: String,
}

/// What a read does that no order explains.
pub(super) enum Reason {
    /// It shows a value that was not written yet.
    NotWritten,
    /// It misses a write that was acknowledged so long before it.
    Misses(Duration),
    /// It contradicts other reads.
    Reversed,
}

/// A register with its reads.
pub(super) struct Registered<'a> {
    /// The register.
    pub register: &'a Register,
    /// The reads with what each shows.
    pub reads: &'a [(&'a ReadRecord, Seen)],
}

impl Registered<'_> {
    /// Why no order explains the read with this number; `None` where there is no such read.
    pub(super) fn explain(&self, number: usize) -> Option<Explanation> {
        let (read, seen) = self.reads.get(number)?;
        let shown = format!("{read} shows {}", self.describe(*seen));
        let suitable: Vec<_> = self.suitable(*seen).collect();
        if suitable.iter().all(|(_, write)| write.begin > read.end)
            && matches!(seen, Seen::Version(_) | Seen::Within(1..))
        {
            return Some(Explanation {
                reason: Reason::NotWritten,
                description: format!("{shown}, which was not written yet"),
            });
        }
        // A value that was there by then and is shown again.
        let there_by = suitable
            .iter()
            .filter(|(_, write)| write.begin <= read.end)
            .map(|(version, write)| self.there_by(**version, write))
            .max()
            .unwrap_or_default();
        let known = match suitable.as_slice() {
            [(_, write)] => format!(" ({write} wrote it, and it was there by {})", at(there_by)),
            _ => String::new(),
        };
        if let Some((version, missed, end)) = self.missed(read, *seen, there_by) {
            return Some(Explanation {
                reason: Reason::Misses(read.begin.saturating_sub(end)),
                description: format!(
                    "{shown}{known}, although {} was acknowledged at {} by {missed}",
                    self.describe(Seen::Version(version)),
                    at(end)
                ),
            });
        }
        let description = match self.contradicting(read, *seen, there_by) {
            Some((other, other_seen)) => format!(
                "{shown}{known}, although before it {other} had shown {}",
                self.describe(other_seen)
            ),
            None => format!(
                "{shown}{known}, which no order of the operations explains; beside it: {}",
                self.beside(read, *seen).join("; ")
            ),
        };
        Some(Explanation {
            reason: Reason::Reversed,
            description,
        })
    }

    /// The writes whose value a read may show.
    fn suitable(&self, seen: Seen) -> impl Iterator<Item = (&u64, &WriteRecord)> {
        let writes = self.register.writes.iter();
        writes.filter(move |(version, write)| seen.accepts(**version, write.class))
    }

    /// The first moment by which a value was certainly there: its write was acknowledged, or a read
    /// had shown it.
    fn there_by(&self, version: u64, write: &WriteRecord) -> Moment {
        let reads = self.reads.iter();
        let reads = reads.filter(|(_, seen)| *seen == Seen::Version(version));
        let moments = reads.map(|(read, _)| read.end).chain(write.acknowledged());
        moments.min().unwrap_or(Moment::MAX)
    }

    /// The first write that a read should have shown, with its version and acknowledgement: it was
    /// acknowledged before the read, and began when what the read shows was there already.
    fn missed(
        &self,
        read: &ReadRecord,
        seen: Seen,
        there_by: Moment,
    ) -> Option<(u64, &WriteRecord, Moment)> {
        let writes = self.register.writes.iter();
        let acknowledged =
            writes.filter_map(|(version, write)| Some((*version, write, write.acknowledged()?)));
        let missed = acknowledged.filter(|(version, write, end)| {
            let is_newer = there_by < write.begin || seen == Seen::Within(MISSING);
            !seen.accepts(*version, write.class) && *end < read.begin && is_newer
        });
        missed.min_by_key(|(_, _, end)| *end)
    }

    /// The last read that had shown another value, after what this read shows was there.
    fn contradicting(
        &self,
        read: &ReadRecord,
        seen: Seen,
        there_by: Moment,
    ) -> Option<(&ReadRecord, Seen)> {
        let others = self.reads.iter().copied();
        let contradicting = others.filter(|(other, other_seen)| {
            let written = match other_seen {
                Seen::Version(version) => self.register.writes.get(version),
                Seen::Within(_) | Seen::Outside(_) => None,
            };
            let begin = written.map_or(other.begin, |write| write.begin.max(other.begin));
            other.end < read.begin && there_by < begin && self.are_different(seen, *other_seen)
        });
        contradicting.max_by_key(|(other, _)| other.begin)
    }

    /// Whether no value suits both.
    fn are_different(&self, one: Seen, other: Seen) -> bool {
        let accepts_other =
            |(version, write): (&u64, &WriteRecord)| other.accepts(*version, write.class);
        !self.suitable(one).any(accepts_other)
    }

    /// The operations of other values that were last answered before the read began, or ran beside it.
    fn beside(&self, read: &ReadRecord, seen: Seen) -> Vec<String> {
        let writes = self.register.writes.iter();
        let writes = writes
            .filter(|(version, write)| !seen.accepts(**version, write.class))
            .map(|(version, write)| {
                let value = self.describe(Seen::Version(*version));
                (write.begin, format!("{write} wrote {value}"))
            });
        let reads = self.reads.iter();
        let reads = reads
            .filter(|(_, other)| self.are_different(seen, *other))
            .map(|(other, seen)| {
                (
                    other.begin,
                    format!("{other} shows {}", self.describe(*seen)),
                )
            });
        let mut beside: Vec<_> = writes.chain(reads).collect();
        beside.retain(|(begin, _)| *begin <= read.end);
        beside.sort();
        let surplus = beside.len().saturating_sub(BESIDE);
        beside
            .into_iter()
            .skip(surplus)
            .map(|(_, text)| text)
            .collect()
    }

    /// What a read shows, for a person.
    fn describe(&self, seen: Seen) -> String {
        let name = &self.register.name;
        match seen {
            Seen::Version(1) if self.register.is_existence => format!("the creation of {name}"),
            Seen::Version(_) if self.register.is_existence => format!("the deletion of {name}"),
            Seen::Within(1..) if self.register.is_existence => name.clone(),
            Seen::Version(version) => format!("version {version} of the {name}"),
            Seen::Within(..=0) => format!("no {name}"),
            Seen::Within(class) => format!("{class} as the {name}"),
            Seen::Outside(class) => format!("no {name} for user {class}"),
        }
    }
}

/// The most operations that are named where no two of them contradict each other.
const BESIDE: usize = 4;

/// A moment, for a person.
fn at(moment: Moment) -> String {
    format!("{:.3} s", moment.as_secs_f64())
}

impl fmt::Display for ReadRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reader = match self.reader {
            FINAL_READER => "the last reader".to_owned(),
            reader => format!("reader {reader}"),
        };
        let (begin, end) = (at(self.begin), at(self.end));
        write!(out, "GET {} of {reader} at {begin}-{end}", self.path)?;
        by(out, &self.origin)
    }
}

impl fmt::Display for WriteRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.acknowledged().map_or("unknown".to_owned(), at);
        write!(out, "writer {} at {}-{end}", self.writer, at(self.begin))?;
        by(out, &self.origin)
    }
}

/// The origin of an answer in brackets, where it is known.
fn by(out: &mut fmt::Formatter<'_>, origin: &Origin) -> fmt::Result {
    match origin.to_string() {
        origin if origin.is_empty() => Ok(()),
        origin => write!(out, " ({origin})"),
    }
}
