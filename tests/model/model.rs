//! The model: its first state, and all steps that lead from a state to the next ones.

use crate::config::{Config, Fault};
use crate::program::Program;
use crate::state::*;
use crate::step::{Event, Step, Violation};

/// A configuration with what the program says to it.
pub struct Model {
    pub config: Config,
    pub program: Program,
}

/// A state that a step leads to.
#[derive(Clone, Copy)]
pub struct Next {
    pub step: Step,
    pub state: State,
    pub violation: Option<Violation>,
}

/// The steps from one state.
pub struct Steps<'a> {
    model: &'a Model,
    pub next: Vec<Next>,
}

impl Steps<'_> {
    pub fn add(&mut self, event: Event, one: usize, other: usize, state: State) {
        self.add_checked(event, one, other, state, None);
    }

    pub fn add_checked(
        &mut self,
        event: Event,
        one: usize,
        other: usize,
        state: State,
        violation: Option<Violation>,
    ) {
        self.next.push(Next {
            step: Step(event, one, other),
            state: self.model.canonical(state),
            violation,
        });
    }
}

impl Model {
    pub fn new(config: Config) -> Self {
        let program = Program::new(&config);
        Self { config, program }
    }

    /// A system that has been quiet for a while: all connections are trusted, and all lists have copies
    /// where it is warm.
    pub fn first(&self) -> State {
        let mut state = State::default();
        state.redis.values[EPOCH] = CURRENT;
        state.redis.position = 1;
        for instance in &mut state.instances {
            instance.connection = Connection::Trusted;
        }
        let copies = if self.config.warm { LISTS } else { 0 };
        for view in 0..copies {
            let number = u8::try_from(view).unwrap();
            let copy = Some(Entry {
                stamp: self.program.stamp(&state.redis, number),
                shown: self.primary_shows(&state, number),
            });
            state.redis.entries[view] = copy;
            if self.config.memory {
                for instance in &mut state.instances {
                    instance.copies[view] = copy;
                }
            }
        }
        state
    }

    /// All steps from a state.
    pub fn steps(&self, state: &State) -> Vec<Next> {
        let mut steps = Steps {
            model: self,
            next: Vec::with_capacity(16),
        };
        self.reads(state, &mut steps);
        self.writes(state, &mut steps);
        self.connections(state, &mut steps);
        self.commands(state, &mut steps);
        self.recoveries(state, &mut steps);
        if state.faults < self.config.faults {
            self.faults(state, &mut steps);
        }
        steps.next
    }

    /// The same state in the one form that states have that differ in nothing that matters.
    fn canonical(&self, mut state: State) -> State {
        let last_fault = state.faults >= self.config.faults;
        if last_fault || !self.config.kinds.contains(&Fault::Old) {
            state.saved = None;
        }
        self.rename_values(&mut state);
        self.forget_dead_stamps(&mut state);
        self.forget_ended_attempts(&mut state);
        self.forget_certain_reads(&mut state);
        state.reads.sort_unstable();
        state
            .late
            .sort_unstable_by_key(|command| (command.is_none(), *command));
        state
    }

    /// Calls the values by what they are now: Redis' own, the saved one's, or none.
    fn rename_values(&self, state: &mut State) {
        for place in 0..VALUES {
            let now = state.redis.values[place];
            if matches!(now, ABSENT | CURRENT) {
                continue;
            }
            let before = state.saved.map(|saved| saved.values[place]);
            let renamed = |value: Symbol| match value {
                ABSENT => ABSENT,
                value if value == now => CURRENT,
                value if Some(value) == before => SAVED,
                _ => u8::MAX,
            };
            state.redis.values[place] = renamed(now);
            if let Some(saved) = &mut state.saved {
                saved.values[place] = renamed(saved.values[place]);
            }
            for_stamps(state, |view, stamp| {
                if place == EPOCH {
                    stamp.epoch = renamed(stamp.epoch);
                } else if place == NAMES {
                    stamp.names = renamed(stamp.names);
                } else if place == self.program.place(view) {
                    stamp.scope = renamed(stamp.scope);
                }
            });
        }
    }

    fn forget_dead_stamps(&self, state: &mut State) {
        let stamps = |redis: &Redis| [0, 1, 2, SINGLE].map(|view| self.program.stamp(redis, view));
        let now = stamps(&state.redis);
        let saved = state.saved.as_ref().map(stamps);
        for_stamps(state, |view, stamp| {
            let view = usize::from(view);
            if *stamp != now[view] && saved.is_none_or(|saved| saved[view] != *stamp) {
                *stamp = Symbols::DEAD;
            }
        });
        let is_dead =
            |entry: &Option<Entry>| entry.is_some_and(|entry| entry.stamp == Symbols::DEAD);
        for entries in copies(&mut state.redis, &mut state.saved, &mut state.instances) {
            for entry in entries {
                if is_dead(entry) {
                    *entry = None;
                }
            }
        }
        let queues = state
            .instances
            .iter_mut()
            .map(|instance| &mut instance.queue);
        for queue in queues.chain([&mut state.late]) {
            if queue[0].is_none() {
                continue;
            }
            let kept = queue.iter().flatten().filter(
                |command| !matches!(command, Command::Store(_, entry) if entry.stamp == Symbols::DEAD),
            );
            let mut next = Queue::default();
            for (place, command) in kept.enumerate() {
                next[place] = Some(*command);
            }
            *queue = next;
        }
    }

    fn forget_ended_attempts(&self, state: &mut State) {
        let mut needed = state.redis.marks | state.saved.map_or(0, |saved| saved.marks);
        let queues = state.instances.iter().map(|instance| &instance.queue);
        for command in queues.chain([&state.late]).flatten().flatten() {
            if let Command::Mark(attempt) | Command::Raise(attempt) = command {
                needed |= 1 << attempt;
            }
        }
        for (number, attempt) in state.attempts.iter_mut().enumerate() {
            let has_ended = matches!(attempt.phase, Phase::Acknowledged | Phase::Ended);
            if has_ended && needed & 1 << number == 0 {
                *attempt = Attempt {
                    phase: attempt.phase,
                    ..Attempt::default()
                };
            }
        }
    }

    /// Ends reads of which it is certain that the primary answers them and that nothing comes of it.
    fn forget_certain_reads(&self, state: &mut State) {
        if self.config.replica || !self.config.rules.queries_start_last {
            return;
        }
        for read in &mut state.reads {
            let is_certain = match read.phase {
                Reading::Begun => read.marked,
                Reading::Waiting => read.marked || read.stamp == Symbols::DEAD,
                _ => false,
            };
            if is_certain {
                *read = Read::default();
            }
        }
    }
}

/// All places where copies are.
fn copies<'a>(
    redis: &'a mut Redis,
    saved: &'a mut Option<Redis>,
    instances: &'a mut [Instance; INSTANCES],
) -> impl Iterator<Item = &'a mut [Option<Entry>; LISTS]> {
    let saved = saved.iter_mut().map(|saved| &mut saved.entries);
    let instances = instances.iter_mut().map(|instance| &mut instance.copies);
    [&mut redis.entries]
        .into_iter()
        .chain(saved)
        .chain(instances)
}

/// Visits all stamps outside of Redis' values, each with its view.
fn for_stamps(state: &mut State, mut visit: impl FnMut(u8, &mut Symbols)) {
    for entries in copies(&mut state.redis, &mut state.saved, &mut state.instances) {
        for (view, entry) in (0..).zip(entries) {
            if let Some(entry) = entry {
                visit(view, &mut entry.stamp);
            }
        }
    }
    let queues = state
        .instances
        .iter_mut()
        .map(|instance| &mut instance.queue);
    for command in queues.chain([&mut state.late]).flatten().flatten() {
        if let Command::Store(view, entry) = command {
            visit(*view, &mut entry.stamp);
        }
    }
    for read in &mut state.reads {
        if read.stamp.epoch != ABSENT {
            visit(read.view, &mut read.stamp);
        }
    }
}
