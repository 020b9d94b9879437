//! The steps of the world around the program: the replica, the faults and their ends.

use crate::config::Fault;
use crate::model::{Model, Steps};
use crate::state::*;
use crate::step::Event;

impl Model {
    /// What goes on without a fault, or ends one.
    pub(super) fn recoveries(&self, state: &State, steps: &mut Steps<'_>) {
        if self.config.replica && state.replayed < length(&state.log) {
            let mut next = *state;
            next.replayed += 1;
            steps.add(Event::Replayed, usize::from(next.replayed), 0, next);
        }
        if state.hung {
            let mut next = *state;
            next.hung = false;
            steps.add(Event::Resumes, 0, 0, next);
        }
        for (number, instance) in state.instances.iter().enumerate() {
            let mut add = |is_ended: bool, event, end: fn(&mut Instance)| {
                if is_ended {
                    let mut next = *state;
                    end(&mut next.instances[number]);
                    steps.add(event, number, 0, next);
                }
            };
            add(instance.cut, Event::Heals, |instance| instance.cut = false);
            add(instance.deaf, Event::Hears, |instance| {
                instance.deaf = false
            });
            add(instance.dead, Event::Revives, |instance| {
                instance.dead = false
            });
        }
    }

    pub(super) fn faults(&self, state: &State, steps: &mut Steps<'_>) {
        for fault in self.config.kinds {
            self.fault(state, *fault, steps);
        }
    }

    fn fault(&self, state: &State, fault: Fault, steps: &mut Steps<'_>) {
        let mut next = *state;
        next.faults += 1;
        match fault {
            Fault::Empty => {
                self.restart(&mut next, Redis::default());
                steps.add(Event::Emptied, 0, 0, next);
            }
            Fault::Old => match state.saved {
                Some(saved) => {
                    self.restart(&mut next, saved);
                    steps.add(Event::OldData, 0, 0, next);
                }
                None => {
                    let mut next = *state;
                    next.saved = Some(next.redis);
                    steps.add(Event::DataSaved, 0, 0, next);
                }
            },
            Fault::Flush => {
                next.redis = Redis::default();
                for instance in &mut next.instances {
                    instance.flushed = instance.connection != Connection::None;
                    for command in instance.queue.iter_mut().flatten() {
                        flush(command);
                    }
                }
                next.late.iter_mut().flatten().for_each(flush);
                steps.add(Event::Flushed, 0, 0, next);
            }
            Fault::Hang if !state.hung => {
                next.hung = true;
                steps.add(Event::Hangs, 0, 0, next);
            }
            Fault::Hang => {}
            Fault::Replica => {
                for commits in 0..state.replayed {
                    let mut next = next;
                    next.replayed = commits;
                    steps.add(Event::ReplicaCrashes, usize::from(commits), 0, next);
                }
            }
            Fault::Cut | Fault::Deaf | Fault::Kill | Fault::Reset => {
                for number in 0..INSTANCES {
                    self.fault_of_instance(state, fault, number, steps);
                }
            }
        }
    }

    fn fault_of_instance(&self, state: &State, fault: Fault, number: usize, steps: &mut Steps<'_>) {
        let instance = state.instances[number];
        if instance.dead {
            return;
        }
        let mut next = *state;
        next.faults += 1;
        match fault {
            Fault::Cut if !instance.cut => {
                next.instances[number].cut = true;
                steps.add(Event::IsCut, number, 0, next);
            }
            Fault::Deaf if !instance.deaf => {
                next.instances[number].deaf = true;
                steps.add(Event::IsDeaf, number, 0, next);
            }
            Fault::Reset if instance.connection != Connection::None => {
                self.drop_connection(&mut next, number);
                steps.add(Event::IsReset, number, 0, next);
            }
            Fault::Kill => {
                self.kill(&mut next, number);
                steps.add(Event::IsKilled, number, 0, next);
            }
            _ => {}
        }
    }

    /// Redis starts again, with this data. Its connections are closed, and what was sent on them is
    /// lost.
    fn restart(&self, state: &mut State, redis: Redis) {
        for number in 0..INSTANCES {
            self.drop_connection(state, number);
        }
        state.late = Queue::default();
        state.hung = false;
        state.redis = redis;
    }

    /// An instance dies: a COMMIT that it has sent may still be carried out.
    fn kill(&self, state: &mut State, number: usize) {
        self.drop_connection(state, number);
        state.instances[number] = Instance {
            dead: true,
            ..Instance::default()
        };
        for attempt in &mut state.attempts {
            let is_its = usize::from(attempt.instance) == number;
            attempt.phase = match attempt.phase {
                Phase::Statements | Phase::MarkSent if is_its => Phase::Ended,
                Phase::Marked if is_its => Phase::Orphan,
                Phase::InLog if is_its => Phase::OrphanInLog,
                Phase::Committed | Phase::RaiseSent if is_its => Phase::Ended,
                _ => continue,
            };
        }
        for read in &mut state.reads {
            if usize::from(read.instance) == number && read.phase != Reading::Idle {
                *read = Read::default();
            }
        }
    }
}

/// What a command says about Redis' life is of the one before.
fn flush(command: &mut Command) {
    if let Command::Trust { flushed, .. } = command {
        *flushed = true;
    }
}
