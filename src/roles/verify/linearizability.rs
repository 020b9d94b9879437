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
