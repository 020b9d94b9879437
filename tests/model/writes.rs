//! The steps of writes: statements, mark, commit, raise, each with what stands in for it where Redis is
//! out of reach; and the repair of marks.

use crate::config::Write;
use crate::model::{Model, Steps};
use crate::program::later;
use crate::state::*;
use crate::step::{Event, Violation};

/// What the peer says to a request to leave a mark or to raise.
enum Peer {
    /// It does so.
    Does,
    /// It has sent the command and waits for the answer.
    Waits,
    /// It cannot; whether it keeps its connection to Redis nevertheless.
    Refuses,
    /// It has said that it cannot, is dead, or is silent for as long as one who is.
    Nobody,
}

impl Model {
    pub(super) fn writes(&self, state: &State, steps: &mut Steps<'_>) {
        for number in 0..self.config.attempts.len() {
            let attempt = state.attempts[number];
            let at = usize::from(attempt.instance);
            match attempt.phase {
                Phase::Idle => self.run_statements(state, number, steps),
                Phase::Statements => {
                    self.roll_back(state, number, steps);
                    self.leave_mark(state, number, steps);
                }
                Phase::Marked => {
                    self.roll_back(state, number, steps);
                    self.commit(state, number, steps);
                }
                Phase::Orphan => {
                    self.roll_back(state, number, steps);
                    self.commit(state, number, steps);
                }
                Phase::InLog | Phase::OrphanInLog => {
                    let mut next = *state;
                    append(&mut next.visible, number);
                    next.attempts[number].phase = committed(attempt.phase);
                    steps.add(Event::Visible, number, at, next);
                }
                Phase::Committed => self.raise(state, number, steps),
                Phase::MarkSent | Phase::RaiseSent | Phase::Acknowledged | Phase::Ended => {}
            }
            self.repair(state, number, steps);
        }
    }

    fn run_statements(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let attempts = self.config.attempts;
        let own = attempts[number];
        let is_renaming = |attempt: usize| attempts[attempt].write == Write::Rename;
        let mut others = (0..attempts.len()).filter(|other| *other != number);
        // The row is locked until the transaction of who wrote it last has ended, and so is the
        // record of a request until the end of who tried it first.
        let is_locked = others.clone().any(|other| {
            let same = is_renaming(other) == is_renaming(number);
            same && state.in_progress(other)
        });
        let is_early = others.any(|other| {
            let is_before = other < number && attempts[other].request == own.request;
            is_before && state.attempts[other].phase == Phase::Idle
        });
        if is_locked || is_early {
            return;
        }
        let is_repeated = self.is_carried_out(state, own.request);
        for instance in own
            .instances
            .iter()
            .filter(|at| !state.instances[**at].dead)
        {
            let mut next = *state;
            let attempt = &mut next.attempts[number];
            attempt.instance = u8::try_from(*instance).unwrap();
            if is_repeated && self.config.rules.attempts_recorded {
                attempt.phase = Phase::Committed;
                attempt.repeated = true;
                steps.add(Event::FoundRepeated, number, *instance, next);
                continue;
            }
            attempt.phase = match self.config.rules.marks {
                true => Phase::Statements,
                false => Phase::Marked,
            };
            if !is_renaming(number) {
                attempt.owner_before = self.rows(&state.visible, length(&state.visible)).owner;
            }
            steps.add(Event::StatementsRun, number, *instance, next);
        }
    }

    fn roll_back(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let mut next = *state;
        next.attempts[number].phase = Phase::Ended;
        let at = usize::from(state.attempts[number].instance);
        steps.add(Event::RolledBack, number, at, next);
    }

    fn leave_mark(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let at = usize::from(state.attempts[number].instance);
        let mut next = *state;
        let attempt = &mut next.attempts[number];
        attempt.refused = false;
        if state.is_open(at) {
            if state.is_clear(at) {
                attempt.phase = Phase::Marked;
                next.redis.marks |= 1 << number;
                steps.add(Event::MarkLeft, number, at, next);
            } else if state.is_blocked(at) {
                send(&mut next, number, at, Phase::MarkSent);
                steps.add(Event::MarkSentIntoSilence, number, at, next);
            }
            return;
        }
        let peer = 1 - at;
        match self.ask_peer(state, number, self.config.rules.relay_mark) {
            Some(Peer::Does) => {
                attempt.phase = Phase::Marked;
                next.redis.marks |= 1 << number;
                steps.add(Event::MarkRelayed, number, peer, next);
            }
            Some(Peer::Waits) => {
                send(&mut next, number, peer, Phase::MarkSent);
                steps.add(Event::MarkSentIntoSilence, number, peer, next);
            }
            Some(Peer::Refuses) => {
                attempt.refused = true;
                steps.add(Event::PeerRefuses, number, peer, next);
            }
            Some(Peer::Nobody) => {
                attempt.phase = Phase::Marked;
                steps.add(Event::GoesUnmarked, number, at, next);
            }
            None => {}
        }
    }

    /// The answer of the only peer, or `None` until its commands before have been carried out.
    fn ask_peer(&self, state: &State, number: usize, is_asked: bool) -> Option<Peer> {
        let attempt = state.attempts[number];
        let peer = 1 - usize::from(attempt.instance);
        let instance = state.instances[peer];
        if !is_asked || attempt.refused || instance.dead || instance.deaf {
            Some(Peer::Nobody)
        } else if !state.is_open(peer) {
            Some(Peer::Refuses)
        } else if state.is_blocked(peer) {
            // Without the rule it says so at once and keeps its connection.
            match self.config.rules.refusal_drops {
                true => Some(Peer::Waits),
                false => Some(Peer::Refuses),
            }
        } else {
            state.is_clear(peer).then_some(Peer::Does)
        }
    }

    fn commit(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let attempt = state.attempts[number];
        let at = usize::from(attempt.instance);
        let is_repeated = self.is_carried_out(state, self.config.attempts[number].request);
        let mut next = *state;
        append(&mut next.log, number);
        let event = if self.config.replica {
            next.attempts[number].phase = match attempt.phase {
                Phase::Orphan => Phase::OrphanInLog,
                _ => Phase::InLog,
            };
            Event::InLog
        } else {
            append(&mut next.visible, number);
            next.attempts[number].phase = committed(attempt.phase);
            Event::Visible
        };
        let violation = is_repeated.then_some(Violation::Twice);
        steps.add_checked(event, number, at, next, violation);
    }

    fn raise(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let at = usize::from(state.attempts[number].instance);
        let mut next = *state;
        next.attempts[number].refused = false;
        if state.is_open(at) {
            if state.is_clear(at) {
                self.carry_out_raise(&mut next, number);
                next.attempts[number].phase = Phase::Acknowledged;
                steps.add(Event::Raised, number, at, next);
            } else if state.is_blocked(at) {
                send(&mut next, number, at, Phase::RaiseSent);
                steps.add(Event::RaiseSentIntoSilence, number, at, next);
            }
            return;
        }
        let peer = 1 - at;
        match self.ask_peer(state, number, self.config.rules.relay_raise) {
            Some(Peer::Does) => {
                self.carry_out_raise(&mut next, number);
                next.attempts[number].phase = Phase::Acknowledged;
                steps.add(Event::RaiseRelayed, number, peer, next);
            }
            Some(Peer::Waits) => {
                send(&mut next, number, peer, Phase::RaiseSent);
                steps.add(Event::RaiseSentIntoSilence, number, peer, next);
            }
            Some(Peer::Refuses) => {
                next.attempts[number].refused = true;
                steps.add(Event::PeerRefuses, number, peer, next);
            }
            Some(Peer::Nobody) => {
                next.attempts[number].phase = Phase::Acknowledged;
                steps.add(Event::GoesUnraised, number, at, next);
            }
            None => {}
        }
    }

    /// What Redis does in one piece at a raise. The position is the earliest that the primary can have
    /// told after the commit.
    pub(super) fn carry_out_raise(&self, state: &mut State, number: usize) {
        let attempt = state.attempts[number];
        if !attempt.repeated {
            self.program
                .raise(&mut state.redis, number, attempt.owner_before);
        } else if state.redis.values[EPOCH] != ABSENT {
            state.redis.values[EPOCH] = FRESH;
        }
        if self.config.rules.raise_position {
            let own = self.commit_position(state, number, attempt.repeated);
            state.redis.position = later(state.redis.position, own);
        }
        state.redis.marks &= !(1 << number);
        if !self.config.rules.epoch_by_connections && state.redis.values[EPOCH] == ABSENT {
            state.redis.values[EPOCH] = FRESH;
        }
    }

    /// The position of an attempt's commit, or of the one that the same request had before; none where it
    /// was rolled back.
    fn commit_position(&self, state: &State, number: usize, repeated: bool) -> u8 {
        let request = |attempt: usize| self.config.attempts[attempt].request;
        let place = state.log.iter().position(|attempt| {
            let commit = usize::from(*attempt).checked_sub(1);
            commit.is_some_and(|commit| {
                commit == number || repeated && request(commit) == request(number)
            })
        });
        place.map_or(0, |place| u8::try_from(place + 2).unwrap())
    }

    /// Who sees a mark for a time asks what became of its transaction; any time may have passed.
    fn repair(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let rules = self.config.rules;
        let is_marked = state.redis.marks & 1 << number != 0;
        let stays = rules.repair_asks && state.in_progress(number);
        if !rules.repair || !is_marked || stays {
            return;
        }
        let mut observers = 0..INSTANCES;
        // Who of them does it makes no difference.
        let Some(at) = observers.find(|at| {
            let has_epoch = state.redis.values[EPOCH] != ABSENT;
            has_epoch && state.is_trusted(*at) && state.is_clear(*at)
        }) else {
            return;
        };
        let mut next = *state;
        let before = next.redis.position;
        self.carry_out_raise(&mut next, number);
        if !rules.repair_position {
            next.redis.position = before;
        }
        steps.add(Event::MarkRepaired, number, at, next);
    }
}

/// Sends the mark or the raise of an attempt on a connection that does not answer.
fn send(state: &mut State, number: usize, via: usize, phase: Phase) {
    let one = u8::try_from(number).unwrap();
    let command = match phase {
        Phase::MarkSent => Command::Mark(one),
        _ => Command::Raise(one),
    };
    push(&mut state.instances[via].queue, command);
    let attempt = &mut state.attempts[number];
    (attempt.phase, attempt.via) = (phase, u8::try_from(via).unwrap());
}

fn committed(phase: Phase) -> Phase {
    match phase {
        Phase::Orphan | Phase::OrphanInLog => Phase::Ended,
        _ => Phase::Committed,
    }
}
