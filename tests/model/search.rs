//! The search: all states that can be reached, breadth first, so that the first trace to a violation is
//! a shortest one.

use crate::config::Config;
use crate::model::{Model, Next};
use crate::state::{Phase, State};
use crate::step::{EVENTS, Event, Step, Violation};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A hash of 64 bits that is cheap also in a program that is not optimized.
#[derive(Default)]
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 29;
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte) + 1);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value) + 1);
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value.cast_unsigned() as u64 + 1);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64 + 1);
    }

    fn finish(&self) -> u64 {
        let mut value = self.0;
        value = (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        value ^ (value >> 32)
    }
}

/// Takes a fingerprint as its own hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = Mixer::default();
    state.hash(&mut hasher);
    hasher.finish()
}

/// What a search found.
pub struct Found {
    pub states: usize,
    pub steps: usize,
    pub depth: usize,
    /// Whether all states were visited.
    pub is_exhaustive: bool,
    events: [u64; EVENTS],
    pub trace: Option<Trace>,
}

/// The shortest way to a violation.
pub struct Trace {
    pub promise: &'static str,
    pub steps: Vec<Step>,
}

impl Found {
    /// How often an event occurred.
    pub fn count(&self, event: Event) -> u64 {
        self.events[event as usize]
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (&self.trace, self.is_exhaustive) {
            (Some(_), _) => "violated",
            (None, true) => "holds in all",
            (None, false) => "holds as far as explored in",
        };
        let (states, steps, depth) = (self.states, self.steps, self.depth);
        write!(out, "{kind} {states} states ({steps} steps, depth {depth})")?;
        if let Some(trace) = &self.trace {
            write!(out, ": {} in {} steps", trace.promise, trace.steps.len())?;
            for (number, step) in trace.steps.iter().enumerate() {
                write!(out, "\n  {:2} {step}", number + 1)?;
            }
        }
        Ok(())
    }
}

/// Visits states until a promise is broken, all were visited, or the limit is reached.
pub fn search(config: Config) -> Found {
    let (settle_every, limit) = (config.settle_every, config.limit);
    let model = Model::new(config);
    let first = model.first();
    let mut parents: HashMap<u64, u64, BuildHasherDefault<Identity>> = HashMap::default();
    parents.insert(fingerprint(&first), 0);
    let mut found = Found {
        states: 1,
        steps: 0,
        depth: 0,
        is_exhaustive: true,
        events: [0; EVENTS],
        trace: None,
    };
    let mut frontier = vec![first];
    while !frontier.is_empty() {
        let mut after = Vec::new();
        for state in &frontier {
            let own = fingerprint(state);
            if settle_every != 0 && own.is_multiple_of(settle_every) && !model.settles(state) {
                let steps = way(&model, &parents, own).into_iter().map(|next| next.step);
                found.trace = Some(Trace {
                    promise: "hits do not come back",
                    steps: steps.collect(),
                });
                return found.counted(parents.len());
            }
            for next in model.steps(state) {
                found.steps += 1;
                found.events[next.step.0 as usize] += 1;
                if let Some(violation) = next.violation {
                    let mut way = way(&model, &parents, own);
                    way.push(next);
                    found.trace = Some(Trace {
                        promise: promise(&model, violation, &way),
                        steps: way.into_iter().map(|next| next.step).collect(),
                    });
                    return found.counted(parents.len());
                }
                let fingerprint = fingerprint(&next.state);
                if let std::collections::hash_map::Entry::Vacant(place) = parents.entry(fingerprint)
                {
                    place.insert(own);
                    after.push(next.state);
                }
            }
        }
        if parents.len() > limit {
            found.is_exhaustive = false;
            break;
        }
        found.depth += 1;
        frontier = after;
    }
    found.counted(parents.len())
}

impl Found {
    fn counted(mut self, states: usize) -> Self {
        self.states = states;
        self
    }
}

/// The steps from the first state to this one.
fn way(
    model: &Model,
    parents: &HashMap<u64, u64, BuildHasherDefault<Identity>>,
    last: u64,
) -> Vec<Next> {
    let first = model.first();
    let start = fingerprint(&first);
    let mut chain = vec![last];
    while chain[chain.len() - 1] != start {
        chain.push(parents[&chain[chain.len() - 1]]);
    }
    chain.pop();
    let mut way: Vec<Next> = Vec::new();
    let mut state = first;
    for wanted in chain.into_iter().rev() {
        let steps = model.steps(&state).into_iter();
        let mut steps = steps.filter(|next| next.violation.is_none());
        let next = steps
            .find(|next| fingerprint(&next.state) == wanted)
            .unwrap();
        state = next.state;
        way.push(next);
    }
    way
}

/// The promise that a violation breaks: for a stale read, whether what it does not show had been
/// acknowledged when it began, or only shown to others.
fn promise(model: &Model, violation: Violation, way: &[Next]) -> &'static str {
    match violation {
        Violation::Twice => return "a request was carried out twice",
        Violation::Stale => {}
    }
    let Step(_, instance, view) = way[way.len() - 1].step;
    let view = u8::try_from(view).unwrap();
    let begun = way
        .iter()
        .rposition(|next| next.step == Step(Event::ReadBegins, instance, view.into()));
    let state = way[begun.unwrap()].state;
    let acknowledged = state.visible.iter().rposition(|attempt| {
        *attempt != 0 && state.attempts[usize::from(*attempt) - 1].phase == Phase::Acknowledged
    });
    let floor = model.floor(&state, view);
    match acknowledged.is_some_and(|place| place + 1 >= usize::from(floor)) {
        true => "a read misses an acknowledged write",
        false => "a read shows less than was shown before",
    }
}
