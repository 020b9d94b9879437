//! The rules of the protocol, each of which can be left out to see what happens without it.

/// A rule that holds in the program is `true`.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A mark is left between statements and commit.
    pub marks: bool,
    /// The user whom a task leaves has its scope marked and raised.
    pub scope_of_old_user: bool,
    /// The user whom a task comes to has its scope marked and raised.
    pub scope_of_new_user: bool,
    /// The scope of all tasks is marked and raised.
    pub scope_of_all: bool,
    /// The scope of what tasks embed is marked and raised.
    pub scope_of_names: bool,
    /// Marks are looked up before stamp, position and entry.
    pub marks_first: bool,
    /// A new connection waits for the transactions that ran when it was made.
    pub drain: bool,
    /// A query serves only reads that were there before it started.
    pub queries_start_last: bool,
    /// A second attempt at a request finds the first one's commit and does not write.
    pub attempts_recorded: bool,
    /// Marks and stamp are looked up again after a replica has answered.
    pub confirm: bool,
    /// A raise carries the log position.
    pub raise_position: bool,
    /// The raise that a mark's observer makes carries the log position.
    pub repair_position: bool,
    /// A mark whose transaction has ended is taken away by who sees it.
    pub repair: bool,
    /// A mark's observer asks whether the transaction runs before it takes the mark away.
    pub repair_asks: bool,
    /// A peer is asked to leave the mark.
    pub relay_mark: bool,
    /// A peer is asked to raise.
    pub relay_raise: bool,
    /// A peer that cannot do what it is asked gives its connection up.
    pub refusal_drops: bool,
    /// Only a new connection creates the epoch.
    pub epoch_by_connections: bool,
    /// A new connection raises the epoch only in the Redis that it was opened to.
    pub life: bool,
}

impl Rules {
    /// All rules.
    pub const ALL: Self = Self {
        marks: true,
        scope_of_old_user: true,
        scope_of_new_user: true,
        scope_of_all: true,
        scope_of_names: true,
        marks_first: true,
        drain: true,
        queries_start_last: true,
        attempts_recorded: true,
        confirm: true,
        raise_position: true,
        repair_position: true,
        repair: true,
        repair_asks: true,
        relay_mark: true,
        relay_raise: true,
        refusal_drops: true,
        epoch_by_connections: true,
        life: true,
    };
}
