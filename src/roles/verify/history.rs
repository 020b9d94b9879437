//! The history of a session, as its clients saw it: every write and every read with its times.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
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
    /// The number of the writer among those of its register.
    pub writer: usize,
    /// What a partial read can tell of the value: the user that a version of a task belongs to, or
    /// [`ABSENT`]; 0 where no read is partial.
    pub class: i64,
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
    /// When the write had certainly taken effect; `None` where that is not known, so that it may take
    /// effect at any later time or never.
    pub fn acknowledged(&self) -> Option<Moment> {
        (self.outcome == WriteOutcome::Acknowledged).then_some(self.end)
    }
}

/// The class of a value that stands for nothing: no user, or a resource that is not there.
pub const ABSENT: i64 = 0;
/// The class of no value: what a read shows of a register that must always be there and is not.
pub const MISSING: i64 = -1;

/// What a read shows of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// The value of this version.
    Version(u64),
    /// Some value of this class.
    Within(i64),
    /// Some value of another class: a task that the list of this user does not show.
    Outside(i64),
}

impl Seen {
    /// Whether this may be shown while the register has this value.
    pub fn accepts(self, version: u64, class: i64) -> bool {
        match self {
            Self::Version(shown) => shown == version,
            Self::Within(shown) => shown == class,
            Self::Outside(other) => other != class,
        }
    }
}

/// A register: a field of a resource, or the existence of one, of which no two writes write the same
/// version.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// The field and the resource, for a person: `title of task 7`.
    pub name: String,
    /// The writes, by the version that each wrote.
    pub writes: BTreeMap<u64, WriteRecord>,
    /// Whether it is the existence of an item, which is created by version 1 and deleted by version 2.
    pub is_existence: bool,
}

/// A task or user that is created once, under one idempotency key, and perhaps deleted later.
#[derive(Clone, Debug)]
pub struct Item {
    /// The create of the item.
    pub create: WriteRecord,
    /// The delete of the item; `None` where none was sent.
    pub delete: Option<WriteRecord>,
    /// The ids in the answers to the item's idempotency key: one, unless the key made duplicates.
    pub ids: BTreeSet<i64>,
}

/// The name of an item: the number of its creator and a number of its own.
pub type ItemName = (usize, u64);

/// The number of the creator whose items are users.
pub const HOST: usize = 99;

/// The number of the reader that reads after the last write.
pub const FINAL_READER: usize = 99;

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
    /// What the answer shows.
    pub sight: Sight,
}

/// What an answer shows of the registers and items of a session.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// The registers, by their index.
    pub registers: Vec<(usize, Seen)>,
    /// The items that the answer shows.
    pub items: BTreeSet<ItemName>,
    /// The numbers of the creators whose items the answer must show all.
    pub creators: Range<usize>,
    /// How the answer contradicts itself, for a person.
    pub contradictions: Vec<String>,
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
    /// The registers, in the order of the scratch resources.
    pub registers: Vec<Register>,
    /// The items, by name.
    pub items: BTreeMap<ItemName, Item>,
    /// The reads that were answered with a success, in the order of their answers.
    pub reads: Vec<ReadRecord>,
    /// One read of each view after the last write.
    pub final_reads: Vec<ReadRecord>,
    /// The number of tasks that had an item's name after the last write.
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
