//! The program's rules, as the model asks them: which scopes a write changes, what a list depends on,
//! what a view lets a read do, and how positions compare.

use crate::config::{Config, Write};
use crate::state::*;
use std::sync::Arc;
use taskfleet::cache::mark::{Mark, MarkId};
use taskfleet::cache::view::{Subject, View};
use taskfleet::domain::id::Id;
use taskfleet::domain::log_position::{History, LogPosition, Lsn};
use taskfleet::domain::scope::{Change, Changed, Dependency, Place, Scope, Scopes};
use taskfleet::domain::transaction::Transaction;
use taskfleet::domain::user::UserId;

const HISTORY: History = History {
    system: 1,
    timeline: 1,
};

type Marks = Arc<[(MarkId, Mark)]>;

/// What the program says, with what need not be asked again and again.
pub struct Program {
    pub subjects: [Subject; LISTS + 1],
    /// The place of the value of each subject's own scope.
    places: [usize; LISTS + 1],
    /// The places of the values that each attempt raises, by the user who owns the task before it.
    raised: Vec<[Vec<usize>; 2]>,
    /// The marks of each set of attempts, by the owners before them, a bit each.
    marks: Vec<Vec<Marks>>,
    /// One mark on everything, for a view that is known to be marked.
    everything: Marks,
}

fn user(owner: u8) -> UserId {
    Id::from_database(i64::from(owner) + 1)
}

fn mark(attempt: usize, scopes: Scopes) -> (MarkId, Mark) {
    let id = u64::try_from(attempt).unwrap() + 1;
    let transaction = Some(Transaction {
        history: HISTORY,
        id,
    });
    let mark = Mark {
        scopes,
        transaction,
    };
    (format!("{id:x}").as_str().into(), mark)
}

/// The scopes that a write changes, without those that the rules leave out.
fn scopes(config: &Config, write: Write, owner_before: u8) -> Scopes {
    let rules = config.rules;
    let place = |owner| Place {
        user_id: Some(user(owner)),
        category_id: None,
    };
    let owner_after = match write {
        Write::Move(owner) => owner,
        Write::Title(_) | Write::Rename => owner_before,
    };
    let change = match write {
        Write::Rename => Change::User,
        Write::Move(_) | Write::Title(_) => Change::Task {
            before: rules.scope_of_old_user.then(|| place(owner_before)),
            after: rules.scope_of_new_user.then(|| place(owner_after)),
        },
    };
    let scopes = match Changed::by([change], ()).scopes {
        Scopes::Some(scopes) => scopes,
        Scopes::Everything => return Scopes::Everything,
    };
    let is_kept = |scope: &Scope| match scope {
        Scope::Tasks => rules.scope_of_all,
        Scope::Names => rules.scope_of_names,
        _ => true,
    };
    scopes.into_iter().filter(is_kept).collect()
}

/// The scope whose value stands at a place in Redis.
fn scope_at(place: usize) -> Scope {
    match place {
        NAMES => Scope::Names,
        TASKS => Scope::Tasks,
        _ => Scope::tasks_of_user(user(u8::try_from(place - USER).unwrap())),
    }
}

/// The place of the value of a subject's own scope. Single things have no scope of their own; here
/// every write raises that of all tasks or that of names, which is looked at beside it.
fn place_of(subject: Subject) -> usize {
    let scope = match subject {
        Subject::List(dependency) => dependency.scope,
        Subject::Things => Scope::Tasks,
    };
    let mut places = NAMES..VALUES;
    places.find(|place| scope_at(*place) == scope).unwrap()
}

impl Program {
    pub fn new(config: &Config) -> Self {
        let of_user = |owner| Subject::List(Dependency::of_tasks(Some(user(owner)), None));
        let all = Subject::List(Dependency::of_tasks(None, None));
        let tries = config.attempts.iter();
        let scopes: Vec<_> = tries
            .map(|attempt| [0, 1].map(|owner| scopes(config, attempt.write, owner)))
            .collect();
        let marks = |set: usize, owners: usize| {
            let set = (0..scopes.len()).filter(|attempt| set & 1 << attempt != 0);
            set.map(|attempt| mark(attempt, scopes[attempt][owners >> attempt & 1].clone()))
                .collect()
        };
        let sets = 1 << scopes.len();
        let marks = (0..sets)
            .map(|set| (0..sets).map(|owners| marks(set, owners)).collect())
            .collect();
        let subjects = [of_user(0), of_user(1), all, Subject::Things];
        let places = |scopes: &Scopes| {
            let places = NAMES..VALUES;
            places
                .filter(|place| scopes.contains(scope_at(*place)))
                .collect()
        };
        Self {
            subjects,
            places: subjects.map(place_of),
            raised: scopes
                .iter()
                .map(|scopes| scopes.each_ref().map(places))
                .collect(),
            marks,
            everything: Arc::new([mark(ATTEMPTS, Scopes::Everything)]),
        }
    }

    /// The marks in Redis.
    pub fn marks(&self, state: &State) -> Marks {
        let attempts = state.attempts.iter().take(self.raised.len()).enumerate();
        let owners = attempts.fold(0, |owners, (number, attempt)| {
            owners | usize::from(attempt.owner_before) << number
        });
        self.marks[usize::from(state.redis.marks)][owners].clone()
    }

    /// Puts new values to the scopes of an attempt.
    pub fn raise(&self, redis: &mut Redis, attempt: usize, owner_before: u8) {
        for place in &self.raised[attempt][usize::from(owner_before)] {
            redis.values[*place] = FRESH;
        }
    }

    /// The stamp of a view, as Redis has it.
    pub fn stamp(&self, redis: &Redis, view: u8) -> Symbols {
        let view = usize::from(view);
        let has_names = match self.subjects[view] {
            Subject::List(dependency) => dependency.names,
            Subject::Things => true,
        };
        Symbols {
            epoch: redis.values[EPOCH],
            names: if has_names {
                redis.values[NAMES]
            } else {
                ABSENT
            },
            scope: redis.values[self.places[view]],
        }
    }

    /// The place of the value of a view's own scope.
    pub fn place(&self, view: u8) -> usize {
        self.places[usize::from(view)]
    }

    /// What a lookup that began now would see.
    pub fn look(&self, state: &State, view: u8) -> View {
        View {
            subject: self.subjects[usize::from(view)],
            marks: self.marks(state),
            stamp: self.stamp(&state.redis, view).stamp(),
            position: position(state.redis.position),
        }
    }

    /// What the lookup of a read saw.
    pub fn seen(&self, read: &Read) -> View {
        View {
            subject: self.subjects[usize::from(read.view)],
            marks: match read.marked {
                true => self.everything.clone(),
                false => self.marks[0][0].clone(),
            },
            stamp: read.stamp.stamp(),
            position: position(read.position),
        }
    }
}

/// The position after this number of records, less 1.
pub fn position(records: u8) -> Option<LogPosition> {
    let lsn = Lsn(u64::from(records).checked_sub(1)?);
    Some(LogPosition {
        history: HISTORY,
        lsn,
    })
}

/// The later of the position in Redis and another one.
pub fn later(one: u8, other: u8) -> u8 {
    match (position(one), position(other)) {
        (Some(one), Some(other)) => u8::try_from(one.later(other).lsn.0 + 1).unwrap(),
        (Some(_), None) => one,
        _ => other,
    }
}
