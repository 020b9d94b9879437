//! The kinds of anomaly, and the check that finds them in a history.

use super::explain::{Explanation, Reason, Registered};
use super::history::{
    ABSENT, FINAL_READER, HOST, History, Item, ItemName, Moment, Origin, ReadRecord, Register,
    Seen, WriteOutcome, WriteRecord,
};
use super::linearizability::{Read, Write, unexplained};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// A way in which a history breaks the promise of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A read shows the state before a write that was acknowledged before the read began (a stale
    /// read).
    Stale,
    /// A read shows less than an earlier read of any client had shown, although no acknowledged write
    /// contradicts it (reads run backwards), or no order of the operations explains it otherwise.
    WentBack,
    /// A read shows a version or an item of which no write had begun.
    Future,
    /// An answer contradicts itself: its `total`, a thing that it shows twice, or a thing that it
    /// embeds in two states.
    Contradiction,
    /// A write that was acknowledged is not there after the last write (a lost write).
    Lost,
    /// One idempotency key made more than one task.
    Duplicate,
}

impl Anomaly {
    /// Every anomaly, in the order of a report.
    pub const ALL: [Self; 6] = [
        Self::Stale,
        Self::WentBack,
        Self::Future,
        Self::Contradiction,
        Self::Lost,
        Self::Duplicate,
    ];
}

impl fmt::Display for Anomaly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Stale => "stale reads",
            Self::WentBack => "reads behind what a read had shown",
            Self::Future => "values from the future",
            Self::Contradiction => "answers that contradict themselves",
            Self::Lost => "lost acknowledged writes",
            Self::Duplicate => "duplicates for one idempotency key",
        })
    }
}

/// An anomaly that was found.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The kind of the anomaly.
    pub anomaly: Anomaly,
    /// The operations that contradict each other, with their clients, times and instances, for a
    /// person.
    pub description: String,
    /// The time from the acknowledgement of the first write that a stale read does not show to the
    /// start of the read; `None` for other anomalies.
    pub age: Option<Duration>,
}

/// Every anomaly in a history.
pub fn check(history: &History) -> Vec<Violation> {
    let reads = Reads::new(history);
    let mut violations = Vec::new();
    for (register, seen) in history.registers.iter().zip(&reads.registers) {
        violations.extend(check_register(register, seen));
    }
    for (name, item) in &history.items {
        // Of the duplicates that a key made, one may well be there when the other is not.
        if item.ids.len() <= 1 {
            let seen = reads.of_item(*name, item);
            violations.extend(check_register(&existence(*name, item), &seen));
        }
    }
    for read in reads.all {
        let unknown = read.sight.items.iter();
        let unknown = unknown.filter(|name| !history.items.contains_key(name));
        violations.extend(unknown.map(|name| Violation {
            anomaly: Anomaly::Future,
            description: format!("{read} shows {}, which was never created", named(*name)),
            age: None,
        }));
        let contradictions = read.sight.contradictions.iter();
        violations.extend(contradictions.map(|contradiction| Violation {
            anomaly: Anomaly::Contradiction,
            description: format!("{read} {contradiction}"),
            age: None,
        }));
    }
    violations.extend(duplicates(history));
    violations
}

/// A read with what it shows of one register.
type ReadOf<'a> = (&'a ReadRecord, Seen);

/// The reads of a history, by what they show.
struct Reads<'a> {
    /// All reads, by the time of their requests.
    all: Vec<&'a ReadRecord>,
    /// The duration of the slowest one.
    slowest: Duration,
    /// The reads of each register.
    registers: Vec<Vec<ReadOf<'a>>>,
    /// The reads that show an item.
    items: HashMap<ItemName, Vec<ReadOf<'a>>>,
}

impl<'a> Reads<'a> {
    fn new(history: &'a History) -> Self {
        let mut all: Vec<_> = history.reads.iter().chain(&history.final_reads).collect();
        all.sort_by_key(|read| read.begin);
        let durations = all.iter().map(|read| read.end.saturating_sub(read.begin));
        let slowest = durations.max().unwrap_or_default();
        let mut registers = vec![Vec::new(); history.registers.len()];
        let mut items: HashMap<_, Vec<_>> = HashMap::new();
        for &read in &all {
            for &(number, seen) in &read.sight.registers {
                if let Some(reads) = registers.get_mut(number) {
                    reads.push((read, seen));
                }
            }
            for &name in &read.sight.items {
                let shown = items.entry(name).or_default();
                shown.push((read, Seen::Within(PRESENT)));
            }
        }
        Self {
            all,
            slowest,
            registers,
            items,
        }
    }

    /// The reads that show an item, and those that do not although they show all of its creator and ran
    /// while it may have been there. Where it cannot have been there, not to show it is right.
    fn of_item(&self, name: ItemName, item: &Item) -> Vec<ReadOf<'a>> {
        let first = item.create.begin.saturating_sub(self.slowest);
        let deleted = item.delete.as_ref().and_then(WriteRecord::acknowledged);
        let last = deleted.unwrap_or(Moment::MAX);
        let from = self.all.partition_point(|read| read.begin < first);
        let to = self.all.partition_point(|read| read.begin <= last);
        let around = self.all.get(from..to).unwrap_or_default().iter().copied();
        let without = around.filter(|read| {
            read.sight.creators.contains(&name.0) && !read.sight.items.contains(&name)
        });
        let shown = self.items.get(&name).into_iter().flatten().copied();
        shown
            .chain(without.map(|read| (read, Seen::Within(ABSENT))))
            .collect()
    }
}

fn named((creator, number): ItemName) -> String {
    match creator {
        HOST => format!("guest {number}"),
        _ => format!("item {creator}-{number}"),
    }
}

fn check_register(register: &Register, reads: &[ReadOf]) -> Vec<Violation> {
    let writes = register.writes.iter().map(|(version, write)| Write {
        version: *version,
        class: write.class,
        begin: write.begin,
        end: write.acknowledged(),
    });
    let plain = reads.iter().map(|(read, seen)| Read {
        seen: *seen,
        begin: read.begin,
        end: read.end,
    });
    let found = unexplained(&writes.collect::<Vec<_>>(), &plain.collect::<Vec<_>>());
    let registered = Registered { register, reads };
    let violations = found.into_iter().filter_map(|number| {
        let Explanation {
            reason,
            description,
        } = registered.explain(number)?;
        let (read, _) = reads.get(number)?;
        // A list may be an old copy of what is not lost.
        let is_current = register.is_existence || !read.path.contains('?');
        let is_final = read.reader == FINAL_READER && is_current;
        let (anomaly, age) = match reason {
            Reason::NotWritten => (Anomaly::Future, None),
            // After the last write there is nothing left that could make it true.
            Reason::Misses(_) if is_final => (Anomaly::Lost, None),
            Reason::Misses(age) => (Anomaly::Stale, Some(age)),
            Reason::Reversed => (Anomaly::WentBack, None),
        };
        Some(Violation {
            anomaly,
            description,
            age,
        })
    });
    violations.collect()
}

/// The register of an item's existence: it is not there, it is created, it is deleted.
fn existence(name: ItemName, item: &Item) -> Register {
    let before = WriteRecord {
        writer: name.0,
        class: ABSENT,
        begin: Moment::ZERO,
        end: Moment::ZERO,
        outcome: WriteOutcome::Acknowledged,
        origin: Origin::default(),
    };
    let create = WriteRecord {
        class: PRESENT,
        ..item.create.clone()
    };
    let delete = item.delete.clone().map(|delete| WriteRecord {
        class: ABSENT,
        ..delete
    });
    let writes = [before, create].into_iter().chain(delete);
    Register {
        name: named(name),
        is_existence: true,
        writes: (0..).zip(writes).collect(),
    }
}

/// The class of the value of an item that is there.
const PRESENT: i64 = 1;

/// Items of which more than one was made.
fn duplicates(history: &History) -> impl Iterator<Item = Violation> {
    history.items.iter().filter_map(|(name, item)| {
        let remaining = history.remaining.get(name).copied().unwrap_or_default();
        let Item { create, ids, .. } = item;
        (remaining > 1 || ids.len() > 1).then(|| Violation {
            anomaly: Anomaly::Duplicate,
            description: format!(
                "{} of {create}: its key was answered with the ids {ids:?}, and {remaining} are left",
                named(*name)
            ),
            age: None,
        })
    })
}
