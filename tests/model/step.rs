//! The steps of the model, by name, and what a step can do wrong.

use std::fmt;

/// What happens in a step. The numbers that a [`Step`] adds to it are said in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    // Reads: {instance, view}
    ReadBegins,
    LookedUp,
    Hit,
    PrimaryAnswers,
    LateComersServed,
    ReplicaAnswers,
    Confirmed,
    NotConfirmed,
    EpochMissed,
    // Writes: {attempt, instance}
    StatementsRun,
    FoundRepeated,
    RolledBack,
    MarkLeft,
    MarkSentIntoSilence,
    MarkRelayed,
    PeerRefuses,
    GoesUnmarked,
    InLog,
    Visible,
    Raised,
    RaiseSentIntoSilence,
    RaiseRelayed,
    GoesUnraised,
    MarkRepaired,
    // Connections: {instance, number}
    Connects,
    AsksWhatRuns,
    AsksPosition,
    Drained,
    TrustSent,
    Trusted,
    NotTrusted,
    GivesUp,
    // Commands: {instance, place}
    CarriedOut,
    CarriedOutLate,
    // The replica and the faults: {number, number}
    Replayed,
    DataSaved,
    Resumes,
    Heals,
    Hears,
    Revives,
    Hangs,
    Emptied,
    OldData,
    Flushed,
    IsCut,
    IsDeaf,
    IsReset,
    IsKilled,
    ReplicaCrashes,
}

/// The number of kinds of events.
pub const EVENTS: usize = Event::ReplicaCrashes as usize + 1;

/// A step: an event with the two numbers that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(pub Event, pub usize, pub usize);

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(event, one, other) = *self;
        let instance = |number: usize| ["A", "B"][number];
        let view =
            |number: usize| ["list of user 1", "list of user 2", "list of all", "task"][number];
        let read = || format!("{}, {}", instance(one), view(other));
        let write = || format!("attempt {one} at {}", instance(other));
        use Event::*;
        match event {
            ReadBegins => write!(out, "{}: a read begins", read()),
            LookedUp => write!(out, "{}: looked up, no hit", read()),
            Hit => write!(out, "{}: HIT, answered", read()),
            PrimaryAnswers => write!(out, "{}: the primary answers", read()),
            LateComersServed => write!(out, "{}: the query's result serves all who came", read()),
            ReplicaAnswers => write!(out, "{}: the replica answers", read()),
            Confirmed => write!(out, "{}: confirmed, answered", read()),
            NotConfirmed => write!(out, "{}: not confirmed, to the primary", read()),
            EpochMissed => write!(out, "{}: no epoch, connection given up", instance(one)),
            StatementsRun => write!(out, "{}: statements run", write()),
            FoundRepeated => write!(
                out,
                "{}: was carried out before, announces everything",
                write()
            ),
            RolledBack => write!(out, "{}: rolled back, a mark stays", write()),
            MarkLeft => write!(out, "{}: mark left", write()),
            MarkSentIntoSilence => write!(
                out,
                "attempt {one}: mark sent by {}, no answer",
                instance(other)
            ),
            MarkRelayed => write!(
                out,
                "attempt {one}: mark left by its peer {}",
                instance(other)
            ),
            PeerRefuses => write!(out, "attempt {one}: its peer {} cannot", instance(other)),
            GoesUnmarked => write!(out, "{}: goes on without a mark", write()),
            InLog => write!(out, "{}: commit is in the log", write()),
            Visible => write!(out, "{}: commit is visible", write()),
            Raised => write!(out, "{}: raised, acknowledged", write()),
            RaiseSentIntoSilence => write!(
                out,
                "attempt {one}: raise sent by {}, no answer",
                instance(other)
            ),
            RaiseRelayed => write!(
                out,
                "attempt {one}: raised by its peer {}, acknowledged",
                instance(other)
            ),
            GoesUnraised => write!(out, "{}: acknowledged without a raise", write()),
            MarkRepaired => write!(
                out,
                "attempt {one}: its mark is repaired by {}",
                instance(other)
            ),
            Connects => write!(out, "{}: connects", instance(one)),
            AsksWhatRuns => write!(out, "{}: asks what runs: {other:03b}", instance(one)),
            AsksPosition => write!(out, "{}: nothing ran, asks the position", instance(one)),
            Drained => write!(
                out,
                "{}: what ran has ended, asks the position",
                instance(one)
            ),
            TrustSent => write!(out, "{}: sends its new epoch, no answer", instance(one)),
            Trusted => write!(out, "{}: new epoch, connection trusted", instance(one)),
            NotTrusted => write!(
                out,
                "{}: Redis is another one, connection given up",
                instance(one)
            ),
            GivesUp => write!(out, "{}: gives its connection up", instance(one)),
            CarriedOut => write!(out, "Redis carries out a command of {}", instance(one)),
            CarriedOutLate => write!(out, "Redis carries out a late command"),
            Replayed => write!(out, "the replica shows {one} commits"),
            DataSaved => write!(out, "Redis saves its data"),
            Resumes => write!(out, "Redis answers again"),
            Heals => write!(out, "{} reaches Redis again", instance(one)),
            Hears => write!(out, "{} hears notifications again", instance(one)),
            Revives => write!(out, "{} is replaced", instance(one)),
            Hangs => write!(out, "FAULT: Redis hangs"),
            Emptied => write!(out, "FAULT: Redis restarts empty"),
            OldData => write!(out, "FAULT: Redis restarts with old data"),
            Flushed => write!(out, "FAULT: Redis is flushed"),
            IsCut => write!(out, "FAULT: {} is cut off from Redis", instance(one)),
            IsDeaf => write!(out, "FAULT: {} hears no notifications", instance(one)),
            IsReset => write!(out, "FAULT: the connection of {} is reset", instance(one)),
            IsKilled => write!(out, "FAULT: {} dies", instance(one)),
            ReplicaCrashes => write!(out, "FAULT: the replica crashes, shows {one} commits"),
        }
    }
}

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A read showed less than the primary had shown to somebody before the read began, and so perhaps
    /// less than an acknowledged write.
    Stale,
    /// A request was carried out twice.
    Twice,
}
