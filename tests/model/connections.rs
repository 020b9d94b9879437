//! The steps of connections to Redis: from opened to trusted, given up; and the commands on their way.

use crate::model::{Model, Steps};
use crate::program::later;
use crate::state::*;
use crate::step::Event;

impl Model {
    pub(super) fn connections(&self, state: &State, steps: &mut Steps<'_>) {
        for number in 0..INSTANCES {
            let instance = state.instances[number];
            if instance.dead {
                continue;
            }
            let is_blocked = state.is_blocked(number);
            if is_blocked && instance.connection != Connection::None {
                let mut next = *state;
                self.drop_connection(&mut next, number);
                steps.add(Event::GivesUp, number, 0, next);
            }
            let mut next = *state;
            let connection = &mut next.instances[number].connection;
            match instance.connection {
                Connection::None if !is_blocked => {
                    *connection = Connection::Open;
                    steps.add(Event::Connects, number, 0, next);
                }
                Connection::Open => {
                    let running = match self.config.rules.drain {
                        true => state.running(),
                        false => 0,
                    };
                    *connection = Connection::Draining(running);
                    steps.add(Event::AsksWhatRuns, number, usize::from(running), next);
                }
                Connection::Draining(running) if running & state.running() == 0 => {
                    *connection = Connection::Asked(length(&state.visible) + 1);
                    let event = match running {
                        0 => Event::AsksPosition,
                        _ => Event::Drained,
                    };
                    steps.add(event, number, 0, next);
                }
                Connection::Asked(position) if is_blocked => {
                    *connection = Connection::TrustSent;
                    let flushed = instance.flushed;
                    let trust = Command::Trust { position, flushed };
                    push(&mut next.instances[number].queue, trust);
                    steps.add(Event::TrustSent, number, 0, next);
                }
                Connection::Asked(position) if state.is_clear(number) => {
                    let is_same = self.carry_out_trust(&mut next, position, instance.flushed);
                    self.end_trust(&mut next, number, is_same);
                    let event = match is_same {
                        true => Event::Trusted,
                        false => Event::NotTrusted,
                    };
                    steps.add(event, number, 0, next);
                }
                _ => {}
            }
        }
    }

    /// What Redis does in one piece for a new connection: nothing, if it is not the Redis that the
    /// connection was opened to.
    fn carry_out_trust(&self, state: &mut State, position: u8, flushed: bool) -> bool {
        let is_same = !flushed || !self.config.rules.life;
        if is_same {
            state.redis.values[EPOCH] = FRESH;
            state.redis.position = later(state.redis.position, position);
        }
        is_same
    }

    fn end_trust(&self, state: &mut State, number: usize, is_same: bool) {
        match is_same {
            true => {
                let instance = &mut state.instances[number];
                (instance.connection, instance.flushed) = (Connection::Trusted, false);
            }
            false => self.drop_connection(state, number),
        }
    }

    /// Gives a connection up. What was sent on it may be carried out later nevertheless; who waited for
    /// it goes on without.
    pub(super) fn drop_connection(&self, state: &mut State, number: usize) {
        let instance = &mut state.instances[number];
        instance.connection = Connection::None;
        instance.flushed = false;
        for command in std::mem::take(&mut instance.queue).into_iter().flatten() {
            if !state.late.contains(&Some(command)) {
                push(&mut state.late, command);
            }
        }
        for attempt in &mut state.attempts {
            let is_relayed = attempt.instance != attempt.via;
            attempt.phase = match attempt.phase {
                Phase::MarkSent if usize::from(attempt.via) == number => Phase::Statements,
                Phase::RaiseSent if usize::from(attempt.via) == number => Phase::Committed,
                _ => continue,
            };
            attempt.via = 0;
            attempt.refused = is_relayed;
        }
        for read in &mut state.reads {
            let is_looking = matches!(read.phase, Reading::Begun | Reading::Unconfirmed);
            if is_looking && usize::from(read.instance) == number {
                read.ask_primary();
            }
        }
    }

    /// Redis carries out what was sent, in the order of each connection; in any order what was sent on
    /// connections that were given up.
    pub(super) fn commands(&self, state: &State, steps: &mut Steps<'_>) {
        for number in 0..INSTANCES {
            let mut next = *state;
            let queue = &mut next.instances[number].queue;
            let Some(command) = queue[0].filter(|_| !state.is_blocked(number)) else {
                continue;
            };
            queue.rotate_left(1);
            queue[QUEUE - 1] = None;
            let is_same = self.carry_out(&mut next, command);
            self.receive(&mut next, number, command, is_same);
            steps.add(Event::CarriedOut, number, 0, next);
        }
        for place in 0..QUEUE {
            let mut next = *state;
            let Some(command) = next.late[place].take().filter(|_| !state.hung) else {
                continue;
            };
            self.carry_out(&mut next, command);
            steps.add(Event::CarriedOutLate, 0, place, next);
        }
    }

    /// Carries a command out; returns whether a new connection may be trusted.
    fn carry_out(&self, state: &mut State, command: Command) -> bool {
        match command {
            Command::Mark(attempt) => state.redis.marks |= 1 << attempt,
            Command::Raise(attempt) => self.carry_out_raise(state, usize::from(attempt)),
            Command::Store(view, entry) => state.redis.entries[usize::from(view)] = Some(entry),
            Command::Trust { position, flushed } => {
                return self.carry_out_trust(state, position, flushed);
            }
        }
        false
    }

    /// Who sent a command gets its answer.
    fn receive(&self, state: &mut State, number: usize, command: Command, is_same: bool) {
        match command {
            Command::Mark(attempt) | Command::Raise(attempt) => {
                let attempt = &mut state.attempts[usize::from(attempt)];
                let is_waiting = usize::from(attempt.via) == number;
                attempt.phase = match (attempt.phase, command) {
                    (Phase::MarkSent, Command::Mark(_)) if is_waiting => Phase::Marked,
                    (Phase::RaiseSent, Command::Raise(_)) if is_waiting => Phase::Acknowledged,
                    _ => return,
                };
                (attempt.via, attempt.refused) = (0, false);
            }
            Command::Trust { .. } => self.end_trust(state, number, is_same),
            Command::Store(..) => {}
        }
    }
}
