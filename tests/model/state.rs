//! The state of the model: PostgreSQL, Redis, two instances, the attempts at writing and the reads.

use taskfleet::cache::view::Stamp;

/// The number of instances.
pub const INSTANCES: usize = 2;
/// The most attempts at writing.
pub const ATTEMPTS: usize = 3;
/// The most reads at a time.
pub const READS: usize = 2;
/// The number of lists that are copied; the view after them is the single task.
pub const LISTS: usize = 3;
/// The view of the single task, beside the lists of user 1, of user 2 and of all.
pub const SINGLE: u8 = 3;
/// The number of commands that a queue has room for.
pub const QUEUE: usize = 5;

/// What stands for a random value. Values are only compared for equality, so that three are enough:
/// the one that Redis has now, the one in its saved data, and none of both, which no value is again.
pub type Symbol = u8;
/// No value.
pub const ABSENT: Symbol = 0;
/// The value that Redis has.
pub const CURRENT: Symbol = 1;
/// The value in the saved data, if it is another one.
pub const SAVED: Symbol = 2;
/// A new random value, until the state is made canonical.
pub const FRESH: Symbol = 3;

/// The places of the values in Redis.
pub const EPOCH: usize = 0;
/// The value of what tasks embed.
pub const NAMES: usize = 1;
/// The value of all tasks.
pub const TASKS: usize = 2;
/// The value of the tasks of user 1; that of user 2 follows.
pub const USER: usize = 3;
/// The number of values.
pub const VALUES: usize = 5;

/// The symbols of a stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbols {
    pub epoch: Symbol,
    pub names: Symbol,
    pub scope: Symbol,
}

impl Symbols {
    /// A stamp that will never be current again.
    pub const DEAD: Self = Self {
        epoch: u8::MAX,
        names: u8::MAX,
        scope: u8::MAX,
    };

    /// The program's stamp.
    pub fn stamp(self) -> Stamp {
        Stamp {
            epoch: self.epoch.into(),
            names: self.names.into(),
            scope: self.scope.into(),
        }
    }

    /// The symbols of the program's stamp.
    pub fn of(stamp: Stamp) -> Self {
        let symbol = |value: u64| u8::try_from(value).unwrap();
        Self {
            epoch: symbol(stamp.epoch),
            names: symbol(stamp.names),
            scope: symbol(stamp.scope),
        }
    }
}

/// A copy of a list: what it shows and the stamp that it was read under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    pub stamp: Symbols,
    pub shown: u8,
}

/// What Redis holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Redis {
    pub values: [Symbol; VALUES],
    /// The log position, in records, plus 1; 0 where there is none.
    pub position: u8,
    /// The attempts whose marks are there, a bit each.
    pub marks: u8,
    pub entries: [Option<Entry>; LISTS],
}

/// A command that was sent to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Leave the mark of an attempt.
    Mark(u8),
    /// Raise the scopes and the position of an attempt and take its mark away.
    Raise(u8),
    /// Raise epoch and position, if Redis was not flushed since the connection was made.
    Trust { position: u8, flushed: bool },
    /// Store a copy of a list.
    Store(u8, Entry),
}

/// Commands in the order in which they were sent.
pub type Queue = [Option<Command>; QUEUE];

/// An instance's connection to Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Connection {
    #[default]
    None,
    /// Good for marks and raises.
    Open,
    /// Waits for the end of these attempts, a bit each.
    Draining(u8),
    /// Has asked the primary's position and is about to raise the epoch.
    Asked(u8),
    /// Has sent that without an answer.
    TrustSent,
    /// Good for reads.
    Trusted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instance {
    pub dead: bool,
    /// Cut off from Redis.
    pub cut: bool,
    /// Does not hear the primary's notifications.
    pub deaf: bool,
    pub connection: Connection,
    /// Whether Redis was flushed since the connection was made.
    pub flushed: bool,
    /// What was sent on the connection and not carried out yet.
    pub queue: Queue,
    /// The copies in its memory.
    pub copies: [Option<Entry>; LISTS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    #[default]
    Idle,
    /// The statements have run; the mark is not confirmed.
    Statements,
    MarkSent,
    /// May commit: the mark is confirmed, or nobody could leave it.
    Marked,
    /// The commit is in the log and not visible yet.
    InLog,
    Committed,
    RaiseSent,
    Acknowledged,
    /// Rolled back, or committed by an instance that died before it acknowledged.
    Ended,
    /// The instance died while its COMMIT may be on the way.
    Orphan,
    /// The same, in the log already.
    OrphanInLog,
}

/// An attempt at a request that writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub phase: Phase,
    pub instance: u8,
    /// The instance whose connection a mark or raise was sent on.
    pub via: u8,
    /// Whether the peer has said that it cannot.
    pub refused: bool,
    /// The user who owned the task before, 0 or 1.
    pub owner_before: u8,
    /// Whether it found that the request was carried out before, and announces everything.
    pub repeated: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    #[default]
    Idle,
    /// The first half of the lookup is done.
    Begun,
    /// Looked up without a hit; waits for the next query.
    Waiting,
    /// A query of the primary has run; only where such queries serve late comers.
    Queried,
    /// A replica has answered, which is to be confirmed.
    Unconfirmed,
}

/// A read, from when it began to when it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    pub phase: Reading,
    pub instance: u8,
    pub view: u8,
    /// The number of commits that were visible when it began, or fewer that show the same.
    pub floor: u8,
    pub marked: bool,
    pub position: u8,
    pub stamp: Symbols,
    /// What a query returned.
    pub shown: Option<u8>,
}

/// Attempts in the order of their commits, plus 1; 0 where there is none.
pub type Order = [u8; ATTEMPTS];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The commits in the order of the log.
    pub log: Order,
    /// The commits in the order in which the primary shows them.
    pub visible: Order,
    /// The number of commits of the log that the replica shows.
    pub replayed: u8,
    pub hung: bool,
    /// The number of faults so far.
    pub faults: u8,
    pub redis: Redis,
    /// What Redis saved and may start again with.
    pub saved: Option<Redis>,
    pub instances: [Instance; INSTANCES],
    /// Commands on connections that were given up: each may still be carried out, in any order.
    pub late: Queue,
    pub attempts: [Attempt; ATTEMPTS],
    pub reads: [Read; READS],
}

/// The number of commits in an order.
pub fn length(order: &Order) -> u8 {
    u8::try_from(order.iter().filter(|one| **one != 0).count()).unwrap()
}

/// Adds an attempt to an order.
pub fn append(order: &mut Order, attempt: usize) {
    let place = usize::from(length(order));
    order[place] = u8::try_from(attempt + 1).unwrap();
}

/// Adds a command to a queue.
pub fn push(queue: &mut Queue, command: Command) {
    let free = queue.iter_mut().find(|place| place.is_none());
    *free.expect("a queue is full: QUEUE is too small") = Some(command);
}

impl State {
    /// Whether the transaction of an attempt runs, as the primary sees it.
    pub fn in_progress(&self, attempt: usize) -> bool {
        matches!(
            self.attempts[attempt].phase,
            Phase::Statements
                | Phase::MarkSent
                | Phase::Marked
                | Phase::InLog
                | Phase::Orphan
                | Phase::OrphanInLog
        )
    }

    /// The attempts whose transactions run, a bit each.
    pub fn running(&self) -> u8 {
        let running = (0..ATTEMPTS).filter(|attempt| self.in_progress(*attempt));
        running.fold(0, |bits, attempt| bits | 1 << attempt)
    }

    /// Whether commands of this instance reach Redis no more.
    pub fn is_blocked(&self, instance: usize) -> bool {
        self.hung || self.instances[instance].cut
    }

    /// Whether commands of this instance are carried out at once.
    pub fn is_clear(&self, instance: usize) -> bool {
        !self.is_blocked(instance) && self.instances[instance].queue[0].is_none()
    }

    /// Whether this instance has a connection for marks and raises.
    pub fn is_open(&self, instance: usize) -> bool {
        let instance = &self.instances[instance];
        !instance.dead && instance.connection != Connection::None
    }

    /// Whether this instance has a connection for reads.
    pub fn is_trusted(&self, instance: usize) -> bool {
        let instance = &self.instances[instance];
        !instance.dead && instance.connection == Connection::Trusted
    }
}
