//! What happened, as clients saw it: every write and every read with its times.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A point in time, since the beginning.
pub type Moment = Duration;

/// Where an answer came from, as its headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `X-Instance`.
    pub instance: Option<String>,
    /// `X-Cache`.
    pub cache: Option<String>,
    /// `X-Served-From`.
    pub served_from: Option<String>,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.instance, &self.served_from];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        out.write_str(&parts.join(", "))
    }
}

/// What a client knows of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It was done.
    Acknowledged,
    /// It may or may not have been done.
    Unknown,
}

/// One write.
#[derive(Clone, Debug)]
pub struct WriteRecord {
    /// When it was sent first.
    pub begin: Moment,
    /// When the last answer to it had arrived.
    pub end: Moment,
    /// What is known of it.
    pub outcome: WriteOutcome,
    /// Who answered.
    pub origin: Origin,
}

impl WriteRecord {
    /// Whether it was acknowledged before then.
    pub fn is_acknowledged_before(&self, moment: Moment) -> bool {
        self.outcome == WriteOutcome::Acknowledged && self.end < moment
    }
}

/// Something with a version that one writer raises step by step.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// What it is, for a person: `title of task 7`.
    pub name: String,
    /// The writes, by the version that they wrote.
    pub writes: BTreeMap<u64, WriteRecord>,
    /// The version that was there in the end; `None` where it was not there at all.
    pub final_version: Option<u64>,
}

/// A task that is created once, under one idempotency key, and perhaps deleted later.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its creation.
    pub create: WriteRecord,
    /// Its deletion.
    pub delete: Option<WriteRecord>,
    /// The ids that were answered to its key.
    pub ids: BTreeSet<i64>,
}

/// The name of an item: its creator and a number.
pub type ItemName = (usize, u64);

/// One read.
#[derive(Clone, Debug)]
pub struct ReadRecord {
    /// Who read.
    pub reader: usize,
    /// What was asked for.
    pub path: String,
    /// When it was sent.
    pub begin: Moment,
    /// When its answer had arrived.
    pub end: Moment,
    /// Who answered.
    pub origin: Origin,
    /// The registers that it must show, and the version that it shows, if any.
    pub registers: Vec<(usize, Option<u64>)>,
    /// The items that it shows, where it must show all.
    pub items: Option<BTreeSet<ItemName>>,
}

/// A request that was not answered with a success.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it was sent.
    pub begin: Moment,
    /// How long it took.
    pub duration: Duration,
    /// The request and what came of it.
    pub description: String,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The registers.
    pub registers: Vec<Register>,
    /// The items.
    pub items: BTreeMap<ItemName, Item>,
    /// The reads that were answered.
    pub reads: Vec<ReadRecord>,
    /// The items that were there in the end, and under how many ids each.
    pub remaining: BTreeMap<ItemName, usize>,
    /// Reads that were not answered.
    pub failed_reads: Vec<Failure>,
    /// Writes that were not done, or of which that is not known.
    pub failed_writes: Vec<Failure>,
    /// How many writes there were.
    pub writes: u64,
    /// How many requests were repeats under the same idempotency key.
    pub repeats: u64,
}
