//! The kinds of anomaly, and the check that finds them in a history.

use super::history::{History, Item, ItemName, Moment, ReadRecord, Register};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// A way in which a history breaks the promise of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A read shows the state before a write that was acknowledged before the read began (a stale
    /// read).
    Stale,
    /// A read shows an older version than the same reader had seen, although a newer one had been
    /// acknowledged (no monotonic reads).
    WentBack,
    /// A read shows a version or an item of which no write had begun.
    Future,
    /// A write that was acknowledged is not there after the last write (a lost write).
    Lost,
    /// One idempotency key made more than one task.
    Duplicate,
}

impl Anomaly {
    /// Every anomaly, in the order of a report.
    pub const ALL: [Self; 5] = [
        Self::Stale,
        Self::WentBack,
        Self::Future,
        Self::Lost,
        Self::Duplicate,
    ];
}

impl fmt::Display for Anomaly {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Stale => "stale reads",
            Self::WentBack => "reads behind what their reader had seen",
            Self::Future => "values from the future",
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
    /// The read or write and what it contradicts, with times and instances, for a person.
    pub description: String,
    /// The time from the acknowledgement of the first write that a stale read does not show to the
    /// start of the read; `None` for other anomalies.
    pub age: Option<Duration>,
}

/// Every anomaly in a history.
pub fn check(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for read in &history.reads {
        for &(number, shown) in &read.registers {
            if let Some(register) = history.registers.get(number) {
                violations.extend(check_register(register, read, shown));
            }
        }
        if let Some(items) = &read.items {
            let known = history.items.iter();
            violations
                .extend(known.filter_map(|(name, item)| {
                    check_item(*name, item, read, items.contains(name))
                }));
            let unknown = items
                .iter()
                .filter(|name| !history.items.contains_key(name));
            violations.extend(unknown.map(|name| {
                violation(
                    Anomaly::Future,
                    read,
                    format!("{}, which was never created", named(*name)),
                    None,
                )
            }));
        }
    }
    violations.extend(check_order(history));
    violations.extend(check_end(history));
    violations
}

fn violation(
    anomaly: Anomaly,
    read: &ReadRecord,
    shown: String,
    age: Option<Duration>,
) -> Violation {
    let description = format!(
        "GET {} at {}-{} ({}) shows {shown}",
        read.path,
        at(read.begin),
        at(read.end),
        read.origin
    );
    Violation {
        anomaly,
        description,
        age,
    }
}

/// A moment, for a person.
fn at(moment: Moment) -> String {
    format!("{:.3} s", moment.as_secs_f64())
}

fn named((creator, number): ItemName) -> String {
    format!("item {creator}-{number}")
}

/// The newest version that was acknowledged before this moment.
fn floor(register: &Register, moment: Moment) -> Option<u64> {
    let mut newest = register.writes.iter().rev();
    newest
        .find(|(_, write)| write.is_acknowledged_before(moment))
        .map(|(version, _)| *version)
}

fn check_register(register: &Register, read: &ReadRecord, shown: Option<u64>) -> Option<Violation> {
    let name = &register.name;
    let version = shown.map_or("nothing".to_owned(), |version| format!("version {version}"));
    let newest = register.writes.keys().next_back().copied();
    if shown > newest || shown.is_some_and(|shown| begins_after(register, shown, read.end)) {
        let shown = format!("{version} of the {name}, which was not written yet");
        return Some(violation(Anomaly::Future, read, shown, None));
    }
    let floor = floor(register, read.begin)?;
    if shown >= Some(floor) {
        return None;
    }
    // The first that it should have shown.
    let missed = register
        .writes
        .range(shown.map_or(0, |shown| shown + 1)..)
        .find(|(_, write)| write.is_acknowledged_before(read.begin));
    let age = missed.map(|(_, write)| read.begin.saturating_sub(write.end));
    let missed = missed.map(|(version, write)| {
        format!(
            "version {version} was acknowledged at {} by {}",
            at(write.end),
            write.origin
        )
    });
    let shown = format!(
        "{version} of the {name}, although {}",
        missed.unwrap_or_default()
    );
    Some(violation(Anomaly::Stale, read, shown, age))
}

fn begins_after(register: &Register, version: u64, moment: Moment) -> bool {
    register
        .writes
        .get(&version)
        .is_some_and(|write| write.begin > moment)
}

fn check_item(name: ItemName, item: &Item, read: &ReadRecord, is_shown: bool) -> Option<Violation> {
    if item.ids.len() > 1 {
        // A duplicate, of which one may well be there when the other is not.
        return None;
    }
    let (create, delete) = (&item.create, item.delete.as_ref());
    if is_shown && create.begin > read.end {
        let shown = format!("{}, which was not created yet", named(name));
        return Some(violation(Anomaly::Future, read, shown, None));
    }
    let missed = match (is_shown, delete) {
        (true, Some(delete)) if delete.is_acknowledged_before(read.begin) => delete,
        (false, None) if create.is_acknowledged_before(read.begin) => create,
        (false, Some(delete))
            if create.is_acknowledged_before(read.begin) && delete.begin > read.end =>
        {
            create
        }
        _ => return None,
    };
    let shown = format!(
        "{} {}, although its {} was acknowledged at {} by {}",
        if is_shown { "still" } else { "no" },
        named(name),
        if is_shown { "deletion" } else { "creation" },
        at(missed.end),
        missed.origin
    );
    let age = Some(read.begin.saturating_sub(missed.end));
    Some(violation(Anomaly::Stale, read, shown, age))
}

/// Reads that show an older version than the same reader had seen before, although a newer one had been
/// acknowledged.
fn check_order(history: &History) -> Vec<Violation> {
    let mut seen: HashMap<(usize, usize), u64> = HashMap::new();
    let mut violations = Vec::new();
    // The reads of one reader stand in their order.
    for read in &history.reads {
        for &(number, shown) in &read.registers {
            let Some(register) = history.registers.get(number) else {
                continue;
            };
            let shown = shown.unwrap_or_default();
            let newest = seen.entry((read.reader, number)).or_insert(shown);
            let was_acknowledged = register
                .writes
                .range(shown.saturating_add(1)..=(*newest).max(shown.saturating_add(1)))
                .any(|(_, write)| write.is_acknowledged_before(read.begin));
            if shown < *newest && was_acknowledged {
                let shown = format!(
                    "version {shown} of the {}, after the same reader had seen version {newest}",
                    register.name
                );
                violations.push(violation(Anomaly::WentBack, read, shown, None));
            }
            *newest = (*newest).max(shown);
        }
    }
    violations
}

/// Lost writes and duplicates: the state after the last write against what was acknowledged.
fn check_end(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut found = |anomaly, description| {
        violations.push(Violation {
            anomaly,
            description,
            age: None,
        })
    };
    for register in &history.registers {
        let name = &register.name;
        let final_version = register.final_version;
        let floor = floor(register, Moment::MAX);
        if final_version < floor {
            let (version, write) = floor
                .and_then(|floor| register.writes.get_key_value(&floor))
                .unzip();
            let (version, end) = (
                version.copied().unwrap_or_default(),
                write.map(|write| write.end),
            );
            let origin = write.map(|write| write.origin.to_string());
            found(
                Anomaly::Lost,
                format!(
                    "version {version} of the {name}, acknowledged at {} by {}: in the end there is {}",
                    at(end.unwrap_or_default()),
                    origin.unwrap_or_default(),
                    final_version
                        .map_or("nothing".to_owned(), |version| format!("version {version}")),
                ),
            );
        }
    }
    for (name, item) in &history.items {
        let remaining = history.remaining.get(name).copied().unwrap_or_default();
        let Item {
            create,
            delete,
            ids,
        } = item;
        let is_deleted = delete
            .as_ref()
            .is_some_and(|delete| delete.is_acknowledged_before(Moment::MAX));
        if remaining == 0 && delete.is_none() && create.is_acknowledged_before(Moment::MAX) {
            let description = format!(
                "{}, created at {} by {}: in the end it is not there",
                named(*name),
                at(create.end),
                create.origin
            );
            found(Anomaly::Lost, description);
        }
        if is_deleted && remaining == 1 && ids.len() == 1 {
            let description = format!("the deletion of {}: in the end it is there", named(*name));
            found(Anomaly::Lost, description);
        }
        if remaining > 1 || ids.len() > 1 || is_deleted && remaining > 0 && ids.len() != 1 {
            let description = format!(
                "{}, created at {} by {}: its key was answered with the ids {ids:?}, and {remaining} are left",
                named(*name),
                at(create.begin),
                create.origin
            );
            found(Anomaly::Duplicate, description);
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::verify::history::{Origin, WriteOutcome, WriteRecord};

    fn seconds(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    #[test]
    fn read_of_an_older_version_than_its_reader_had_seen_is_went_back() {
        let write = WriteRecord {
            begin: seconds(0),
            end: seconds(1),
            outcome: WriteOutcome::Acknowledged,
            origin: Origin::default(),
        };
        let read = |reader, begin, version| ReadRecord {
            reader,
            path: "/tasks/1".to_owned(),
            begin: seconds(begin),
            end: seconds(begin + 1),
            origin: Origin::default(),
            registers: vec![(0, Some(version))],
            items: None,
        };
        let register = Register {
            name: "title of task 1".to_owned(),
            writes: (0..=2).map(|version| (version, write.clone())).collect(),
            final_version: Some(2),
        };
        let mut history = History {
            registers: vec![register],
            reads: vec![read(1, 2, 2), read(2, 2, 2), read(1, 4, 2)],
            ..History::default()
        };
        assert!(check(&history).is_empty());
        history.reads.push(read(2, 4, 1));
        let anomalies = check(&history).into_iter().map(|found| found.anomaly);
        assert_eq!(
            anomalies.collect::<Vec<_>>(),
            [Anomaly::Stale, Anomaly::WentBack]
        );
    }
}
