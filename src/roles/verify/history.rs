//! The history of a session, as its clients saw it: every write and every read with its times.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A point in time, as the time since the session's client was made.
pub type Moment = Duration;

/// Where an answer came from, by its headers; `None` for a header that it lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `X-Instance`: the name of the instance that answered.
    pub instance: Option<String>,
    /// `X-Cache`: whether a list is a cached copy.
    pub cache: Option<String>,
    /// `X-Served-From`: the cache, the primary or the replica that was read.
    pub served_from: Option<String>,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.instance, &self.served_from];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        out.write_str(&parts.join(", "))
    }
}

/// What a client knows of a write after its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// A success acknowledged the write.
    Acknowledged,
    /// No answer says whether the write was done.
    Unknown,
}

/// A write, from its first attempt to its last answer.
#[derive(Clone, Debug)]
pub struct WriteRecord {
    /// When the first attempt was sent.
    pub begin: Moment,
    /// When the answer to the last attempt had arrived.
    pub end: Moment,
    /// Whether the write was acknowledged.
    pub outcome: WriteOutcome,
    /// The headers of the last answer.
    pub origin: Origin,
}

impl WriteRecord {
    /// Whether the acknowledgement had arrived before this moment.
    pub fn is_acknowledged_before(&self, moment: Moment) -> bool {
        self.outcome == WriteOutcome::Acknowledged && self.end < moment
    }
}

/// A single-writer register: a field of a resource whose version one writer raises by one at a time.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// The field and the resource, for a person: `title of task 7`.
    pub name: String,
    /// The writes, by the version that each wrote.
    pub writes: BTreeMap<u64, WriteRecord>,
    /// The version that was read after the last write; `None` where the resource was gone.
    pub final_version: Option<u64>,
}

/// A task that is created once, under one idempotency key, and perhaps deleted later.
#[derive(Clone, Debug)]
pub struct Item {
    /// The create of the task.
    pub create: WriteRecord,
    /// The delete of the task; `None` where none was sent.
    pub delete: Option<WriteRecord>,
    /// The ids in the answers to the task's idempotency key: one, unless the key made duplicates.
    pub ids: BTreeSet<i64>,
}

/// The name of an item: the number of its creator and a number of its own.
pub type ItemName = (usize, u64);

/// A read that was answered with a success.
#[derive(Clone, Debug)]
pub struct ReadRecord {
    /// The number of the reader.
    pub reader: usize,
    /// The path and query of the request.
    pub path: String,
    /// When the request was sent.
    pub begin: Moment,
    /// When the answer had arrived.
    pub end: Moment,
    /// The headers of the answer.
    pub origin: Origin,
    /// The registers that the answer must show, by their index, with the version that it shows; `None`
    /// where it shows none.
    pub registers: Vec<(usize, Option<u64>)>,
    /// The items that the answer shows; `None` where it need not show all.
    pub items: Option<BTreeSet<ItemName>>,
}

/// A request that was not answered with a success.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When the request was sent.
    pub begin: Moment,
    /// The time from the request to its answer or error.
    pub duration: Duration,
    /// The request and its answer or error, for a person.
    pub description: String,
}

/// Everything that the clients of a session sent and saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The registers: the title of each scratch task, the names of the user and of the category.
    pub registers: Vec<Register>,
    /// The items, by name.
    pub items: BTreeMap<ItemName, Item>,
    /// The reads that were answered with a success, in the order of their answers.
    pub reads: Vec<ReadRecord>,
    /// The items that were there after the last write, with the number of tasks that have the name.
    pub remaining: BTreeMap<ItemName, usize>,
    /// Reads that were not answered with a success.
    pub failed_reads: Vec<Failure>,
    /// Writes that were refused, or whose outcome is unknown.
    pub failed_writes: Vec<Failure>,
    /// The number of writes, each counted once however often it was sent.
    pub writes: u64,
    /// The number of requests that repeated an earlier one.
    pub repeats: u64,
}
