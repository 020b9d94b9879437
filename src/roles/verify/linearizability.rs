//! Whether the operations on one register have an order that explains every read.
//!
//! A history is linearizable if each operation can be given a moment between its request and its answer
//! so that every read shows what the last write before it wrote (Herlihy and Wing, "Linearizability: a
//! correctness condition for concurrent objects", 1990). The search is that of Wing and Gong, "Testing
//! and verifying concurrent objects" (1993), in the form that Lowe gave it in "Testing for
//! linearizability" (2017): it walks through the requests and answers in the order of time, keeps every
//! *configuration* (the register's value, and the pending operations that have taken effect) once, and
//! lets a write take effect only when an answer arrives that needs it. At a quiescent point nothing is
//! pending, so the configurations of one window leave only values to the next.
//!
//! Three rules keep it small, and none of them excludes an order:
//! - A read takes effect as soon as the value suits it, because it alters nothing.
//! - A write whose outcome is unknown is pending for ever; it takes effect only where a pending read
//!   shows it, and of those that no read can tell apart the oldest is taken.
//! - A configuration is dropped beside another one that has taken fewer of those and is else the same.
//!
//! With a single writer nothing but its one write is ever pending, and the search is a sweep.

use super::history::{Moment, Seen};
use std::collections::{BTreeSet, HashSet};

/// A write of a value that no other write of the register writes.
#[derive(Clone, Debug)]
pub struct Write {
    /// The value.
    pub version: u64,
    /// What a partial read can tell of the value.
    pub class: i64,
    /// When the write was sent.
    pub begin: Moment,
    /// When it was acknowledged; `None` where its outcome is unknown.
    pub end: Option<Moment>,
}

/// A read of the register.
#[derive(Clone, Debug)]
pub struct Read {
    /// What it shows.
    pub seen: Seen,
    /// When it was sent.
    pub begin: Moment,
    /// When its answer had arrived.
    pub end: Moment,
}

/// The reads, by their index, that no order explains, each beside the operations that were answered
/// before it and without the reads that were found before it. The first write is the initial value.
pub fn unexplained(writes: &[Write], reads: &[Read]) -> Vec<usize> {
    let mut events = Vec::new();
    for (number, write) in writes.iter().enumerate() {
        events.push((write.begin, Event::Begin, Operation::Write(number)));
        events.extend(
            write
                .end
                .map(|end| (end, Event::End, Operation::Write(number))),
        );
    }
    for (number, read) in reads.iter().enumerate() {
        events.push((read.begin, Event::Begin, Operation::Read(number)));
        events.push((read.end, Event::End, Operation::Read(number)));
    }
    // What begins at the moment at which something else ends counts as concurrent with it.
    events.sort_unstable();
    let exact = reads.iter().filter_map(|read| match read.seen {
        Seen::Version(version) => Some(version),
        Seen::Within(_) | Seen::Outside(_) => None,
    });
    let mut search = Search {
        writes,
        reads,
        exact: exact.collect(),
        pending_writes: BTreeSet::new(),
        pending_reads: BTreeSet::new(),
        configurations: vec![Configuration::default()],
    };
    let mut unexplained = Vec::new();
    for (_, event, operation) in events {
        match event {
            Event::Begin => search.begin(operation),
            Event::End => {
                if !search.end(operation)
                    && let Operation::Read(number) = operation
                {
                    unexplained.push(number);
                }
            }
        }
    }
    unexplained
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begin,
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Operation {
    Write(usize),
    Read(usize),
}

/// A state that the register may be in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Configuration {
    /// The last write that took effect; `None` before the first one.
    last: Option<usize>,
    /// The pending writes that have taken effect and will be acknowledged.
    writes: BTreeSet<usize>,
    /// The pending reads that have taken effect.
    reads: BTreeSet<usize>,
    /// The writes with an unknown outcome that have taken effect.
    unacknowledged: BTreeSet<usize>,
}

impl Configuration {
    fn has(&self, operation: Operation) -> bool {
        match operation {
            Operation::Write(number) => self.writes.contains(&number),
            Operation::Read(number) => self.reads.contains(&number),
        }
    }

    /// Whether every continuation of the other one is also a continuation of this one.
    fn covers(&self, other: &Self) -> bool {
        self.last == other.last
            && self.writes == other.writes
            && self.reads.is_superset(&other.reads)
            && self.unacknowledged.is_subset(&other.unacknowledged)
    }
}

struct Search<'a> {
    writes: &'a [Write],
    reads: &'a [Read],
    /// The versions that some read shows exactly.
    exact: HashSet<u64>,
    pending_writes: BTreeSet<usize>,
    pending_reads: BTreeSet<usize>,
    configurations: Vec<Configuration>,
}

impl Search<'_> {
    fn begin(&mut self, operation: Operation) {
        match operation {
            Operation::Write(number) => {
                self.pending_writes.insert(number);
            }
            Operation::Read(number) => {
                self.pending_reads.insert(number);
                let (writes, reads) = (self.writes, self.reads);
                for configuration in &mut self.configurations {
                    if let Some(last) = configuration.last
                        && suits(reads, number, writes, last)
                    {
                        configuration.reads.insert(number);
                    }
                }
            }
        }
    }

    /// Keeps the configurations in which the operation has taken effect; false where there is none, and
    /// the operation is left out.
    fn end(&mut self, operation: Operation) -> bool {
        let mut stack = std::mem::take(&mut self.configurations);
        let before = stack.clone();
        let mut seen: HashSet<_> = stack.iter().cloned().collect();
        let mut reached = Vec::new();
        while let Some(configuration) = stack.pop() {
            if configuration.has(operation) {
                reached.push(configuration);
                continue;
            }
            for number in self.candidates(&configuration) {
                let next = self.after(&configuration, number);
                if seen.insert(next.clone()) {
                    stack.push(next);
                }
            }
        }
        let is_explained = !reached.is_empty();
        let mut kept = if is_explained { reached } else { before };
        for configuration in &mut kept {
            match operation {
                Operation::Write(number) => configuration.writes.remove(&number),
                Operation::Read(number) => configuration.reads.remove(&number),
            };
        }
        match operation {
            Operation::Write(number) => self.pending_writes.remove(&number),
            Operation::Read(number) => self.pending_reads.remove(&number),
        };
        for configuration in kept {
            let known = &mut self.configurations;
            if !known.iter().any(|one| one.covers(&configuration)) {
                known.retain(|one| !configuration.covers(one));
                known.push(configuration);
            }
        }
        is_explained
    }

    /// The pending writes that may take effect next.
    fn candidates(&self, configuration: &Configuration) -> Vec<usize> {
        let mut alike = HashSet::new();
        let mut candidates = Vec::new();
        for &number in &self.pending_writes {
            let Some(write) = self.writes.get(number) else {
                continue;
            };
            let is_candidate = if write.end.is_some() {
                !configuration.writes.contains(&number)
            } else {
                let mut waiting = self.pending_reads.difference(&configuration.reads);
                !configuration.unacknowledged.contains(&number)
                    && waiting.any(|read| suits(self.reads, *read, self.writes, number))
                    && (self.exact.contains(&write.version) || alike.insert(write.class))
            };
            if is_candidate {
                candidates.push(number);
            }
        }
        candidates
    }

    /// The configuration after this write has taken effect, and every read that it suits.
    fn after(&self, configuration: &Configuration, number: usize) -> Configuration {
        let mut next = configuration.clone();
        next.last = Some(number);
        let is_acknowledged = self.writes.get(number).is_some_and(|it| it.end.is_some());
        if is_acknowledged {
            next.writes.insert(number);
        } else {
            next.unacknowledged.insert(number);
        }
        let waiting = self.pending_reads.iter().copied();
        let suited = waiting.filter(|read| suits(self.reads, *read, self.writes, number));
        next.reads.extend(suited);
        next
    }
}

/// Whether a read may show the value of this write.
fn suits(reads: &[Read], read: usize, writes: &[Write], write: usize) -> bool {
    let (Some(read), Some(write)) = (reads.get(read), writes.get(write)) else {
        return false;
    };
    read.seen.accepts(write.version, write.class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Whether some order of the operations explains every read, by trying all of them.
    fn has_an_order(
        writes: &[Write],
        reads: &[Read],
        last: Option<usize>,
        done: (u32, u32),
    ) -> bool {
        let left_writes: Vec<_> = (0..writes.len())
            .filter(|it| done.0 & (1 << it) == 0)
            .collect();
        let left_reads: Vec<_> = (0..reads.len())
            .filter(|it| done.1 & (1 << it) == 0)
            .collect();
        let ends = left_writes.iter().filter_map(|it| writes[*it].end);
        let first_end = ends.chain(left_reads.iter().map(|it| reads[*it].end)).min();
        let Some(first_end) = first_end else {
            return true;
        };
        let next_writes = left_writes
            .iter()
            .filter(|it| writes[**it].begin <= first_end);
        let next_reads = left_reads.iter().filter(|it| {
            reads[**it].begin <= first_end
                && last.is_some_and(|last| suits(reads, **it, writes, last))
        });
        next_writes
            .map(|it| (Some(*it), (done.0 | 1 << it, done.1)))
            .chain(next_reads.map(|it| (last, (done.0, done.1 | 1 << it))))
            .any(|(last, done)| has_an_order(writes, reads, last, done))
    }

    /// The next number below the limit of a linear congruential generator.
    fn next(state: &mut u64, limit: u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % limit
    }

    #[test]
    fn search_agrees_with_trying_every_order_on_small_histories() {
        let mut state = 1;
        let mut explained = 0;
        for number in 0..30_000 {
            let mut draw = |limit| next(&mut state, limit);
            let mut writes = vec![Write {
                version: 0,
                class: 0,
                begin: Duration::ZERO,
                end: Some(Duration::ZERO),
            }];
            for version in 1..=1 + draw(4) {
                let begin = 1 + draw(10);
                let end = begin + draw(6);
                writes.push(Write {
                    version,
                    class: (version % 2) as i64,
                    begin: Duration::from_secs(begin),
                    end: (draw(4) > 0).then(|| Duration::from_secs(end)),
                });
            }
            let reads = (0..2 + draw(4)).map(|_| {
                let (begin, version) = (1 + draw(12), draw(writes.len() as u64));
                let seen = match draw(4) {
                    0 => Seen::Within(draw(2) as i64),
                    1 => Seen::Outside(draw(2) as i64),
                    _ => Seen::Version(version),
                };
                Read {
                    seen,
                    begin: Duration::from_secs(begin),
                    end: Duration::from_secs(begin + draw(6)),
                }
            });
            let reads: Vec<_> = reads.collect();
            let expected = has_an_order(&writes, &reads, None, (0, 0));
            explained += usize::from(expected);
            let found = unexplained(&writes, &reads);
            assert_eq!(found.is_empty(), expected, "{number}: {writes:?} {reads:?}");
        }
        assert!((3_000..27_000).contains(&explained), "{explained}");
    }

    #[test]
    fn writes_with_unknown_outcomes_do_not_multiply_the_configurations() {
        let seconds = Duration::from_secs;
        let initial = Write {
            version: 0,
            class: 0,
            begin: seconds(0),
            end: Some(seconds(0)),
        };
        let unknown = (1..=200).map(|version| Write {
            version,
            class: (version % 2) as i64,
            begin: seconds(version),
            end: None,
        });
        let writes: Vec<_> = [initial].into_iter().chain(unknown).collect();
        // Each overlaps the next, and any write of the class may be what it shows.
        let reads = (1..=400).map(|begin| Read {
            seen: Seen::Within((begin % 2) as i64),
            begin: seconds(begin),
            end: seconds(begin + 3),
        });
        assert!(unexplained(&writes, &reads.collect::<Vec<_>>()).is_empty());
        // Each takes effect long after it was given up, and readers that overlap show it in turn.
        let late = (1..=200).flat_map(|version| {
            let (begin, class) = (500 + 4 * version, (version % 2) as i64);
            let read = move |seen, begin| Read {
                seen,
                begin: seconds(begin),
                end: seconds(begin + 3),
            };
            [
                read(Seen::Version(version), begin),
                read(Seen::Within(class), begin + 2),
                read(Seen::Version(version), begin + 2),
            ]
        });
        assert!(unexplained(&writes, &late.collect::<Vec<_>>()).is_empty());
    }
}
