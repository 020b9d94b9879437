//! What a run of the model explores: the attempts, the views that are read, and the faults.

use crate::rules::Rules;

/// What a request writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Moves the task to user 1 (0) or 2 (1).
    Move(u8),
    /// Sets the task's title to one of three: 1 or 2; it begins with 0.
    Title(u8),
    /// Renames user 1.
    Rename,
}

/// An attempt at a request.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// The number of the request: attempts at the same one have the same.
    pub request: u8,
    pub write: Write,
    /// The instances that may carry it out.
    pub instances: &'static [usize],
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Redis restarts without data.
    Empty,
    /// Redis restarts with data that it saved before.
    Old,
    /// Redis does not answer for a time.
    Hang,
    /// Redis loses its data and keeps its connections.
    Flush,
    /// An instance is cut off from Redis for a time.
    Cut,
    /// An instance does not hear the primary's notifications for a time.
    Deaf,
    /// An instance dies; another takes its place.
    Kill,
    /// An instance's connection to Redis is reset.
    Reset,
    /// The replica crashes and comes back with less than it had replayed.
    Replica,
}

/// A run of the model.
#[derive(Clone, Debug)]
pub struct Config {
    pub rules: Rules,
    pub attempts: &'static [Try],
    /// The views that are read: the lists of user 1 (0), of user 2 (1), of all (2), the task (3).
    pub views: &'static [u8],
    /// The number of reads at a time.
    pub reads: usize,
    /// Whether there is a replica.
    pub replica: bool,
    /// Whether instances keep copies in their memory too.
    pub memory: bool,
    /// Whether there are copies of all lists at the beginning.
    pub warm: bool,
    /// The most faults.
    pub faults: u8,
    pub kinds: &'static [Fault],
    /// Every how many states it is tried whether hits come back; 0 for never.
    pub settle_every: u64,
    /// The most states.
    pub limit: usize,
}

/// Both instances.
pub const BOTH: &[usize] = &[0, 1];
/// The first instance.
pub const A: &[usize] = &[0];
/// The second instance.
pub const B: &[usize] = &[1];

/// A request that one instance carries out.
pub const fn request(request: u8, write: Write, instances: &'static [usize]) -> Try {
    Try {
        request,
        write,
        instances,
    }
}

/// A move of the task from user 1 to user 2.
pub const MOVE: &[Try] = &[request(0, Write::Move(1), A)];
/// Beside it another request, at either instance.
pub const TWO_WRITERS: &[Try] = &[MOVE[0], request(1, Write::Title(1), BOTH)];
/// A request that renames user 1.
pub const RENAME: &[Try] = &[request(0, Write::Rename, A)];
/// A request that sets the title, tried at one instance and at the other one.
pub const TWO_TRIES: &[Try] = &[
    request(0, Write::Title(1), A),
    request(0, Write::Title(1), B),
];
/// Requests on two rows, each at an instance of its own.
pub const TWO_ROWS: &[Try] = &[MOVE[0], request(1, Write::Rename, B)];
/// A move that is tried at both instances, beside a request on the same row.
pub const THREE: &[Try] = &[
    MOVE[0],
    request(0, Write::Move(1), B),
    request(1, Write::Title(1), BOTH),
];

impl Config {
    /// One attempt, all lists, one read at a time, no replica, no fault.
    pub const SMALL: Self = Self {
        rules: Rules::ALL,
        attempts: MOVE,
        views: &[0, 1, 2],
        reads: 1,
        replica: false,
        memory: false,
        warm: true,
        faults: 0,
        kinds: &[],
        settle_every: 64,
        limit: 3_000_000,
    };
}
