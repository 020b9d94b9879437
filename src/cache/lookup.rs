//! Lookups of marks, stamps and entries, and stores of entries, in batches: one round trip for all that
//! wait at the same time.

use super::batcher::Batcher;
use super::commands::{Fetched, Store, Values};
use super::connection::RedisConnection;
use super::entry::Entry;
use super::key::ListKey;
use super::repair::Repairs;
use super::view::{Stamp, Subject, THINGS, View};
use crate::domain::scope::{Dependency, Scope};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The answer to a lookup.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The marks, stamp and position, as of moments between the lookup's start and its end.
    pub view: View,
    /// The encoded entry under the key with the time it has left; `None` where there is none, or no key
    /// was given.
    pub stored: Option<(Bytes, Duration)>,
}

/// The part of one call in a batch; every batch fetches the marks and the position as well.
enum Command {
    Look(Subject),
    Find(Dependency, ListKey),
    Store(Store),
}

/// One worker's lookups in Redis, in batches.
pub(super) struct Lookups {
    connection: Arc<RedisConnection>,
    batcher: Batcher<Command, Option<Found>>,
    seen: Rc<RefCell<Seen>>,
    repairs: Repairs,
}

/// The values that were seen last.
#[derive(Default)]
struct Seen {
    epoch: u64,
    scopes: HashMap<Scope, u64>,
}

impl Lookups {
    /// Lookups over this connection, with a pause of at most this long after each batch.
    pub(super) fn new(connection: Arc<RedisConnection>, pause: Duration, repairs: Repairs) -> Self {
        Self {
            connection,
            batcher: Batcher::new(pause),
            seen: Rc::default(),
            repairs,
        }
    }

    /// Whether a copy under this stamp may still be good, as far as this worker has seen.
    pub(super) fn is_last_seen(&self, dependency: Dependency, stamp: Stamp) -> bool {
        let seen = self.seen.borrow();
        let value = |scope| seen.scopes.get(&scope).copied();
        seen.epoch == stamp.epoch
            && value(dependency.scope) == Some(stamp.scope)
            && (!dependency.names || value(Scope::Names) == Some(stamp.names))
    }

    /// What there is to know of this subject; `None` where Redis is away.
    pub(super) async fn look(&self, subject: Subject) -> Option<View> {
        if !self.connection.is_trusted() {
            return None;
        }
        // The answer is ready but for this.
        let found = self
            .batcher
            .submit_urgent(Command::Look(subject), self.run_batch());
        Some(found.await.ok()??.view)
    }

    /// What there is to know of this list, and what is stored under its key; `None` where Redis is away.
    pub(super) async fn find(&self, dependency: Dependency, key: ListKey) -> Option<Found> {
        if !self.connection.is_trusted() {
            return None;
        }
        // Probably a query follows, which takes longer than the pause.
        let found = self
            .batcher
            .submit(Command::Find(dependency, key), self.run_batch());
        found.await.ok()?
    }

    /// Stores an entry with the next batch: a round trip of its own would cost as much as a lookup. An
    /// entry that cannot be stored is a miss later, and no error.
    pub(super) fn store(&self, key: ListKey, stamp: Stamp, entry: &Entry) {
        let store = Store {
            key,
            bytes: entry.encode(stamp),
            ttl: entry.time_to_live(),
        };
        drop(self.batcher.submit(Command::Store(store), self.run_batch()));
    }

    fn run_batch(&self) -> impl AsyncFn(&[Command]) -> Vec<Option<Found>> + 'static {
        let connection = Arc::clone(&self.connection);
        let (seen, repairs) = (Rc::clone(&self.seen), self.repairs.clone());
        async move |commands: &[Command]| {
            let Some((fetched, places)) = fetch(&connection, commands).await else {
                return Vec::new();
            };
            seen.borrow_mut().note(&fetched.values);
            repairs.observe(&fetched.marks);
            answers(commands, fetched, &places)
        }
    }
}

impl Seen {
    fn note(&mut self, values: &Values) {
        if self.epoch != values.epoch {
            self.epoch = values.epoch;
            self.scopes.clear();
        }
        self.scopes.extend(&values.scopes);
    }
}

/// The places of the keys in a batch.
type Places<'a> = HashMap<&'a ListKey, usize>;

/// One round trip for a batch; `None` where Redis is away.
async fn fetch<'a>(
    connection: &RedisConnection,
    commands: &'a [Command],
) -> Option<(Fetched, Places<'a>)> {
    let mut places = HashMap::new();
    let mut scopes = BTreeSet::new();
    let (mut lists, mut stores) = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Store(store) => stores.push(store),
            Command::Look(Subject::Things) => scopes.extend(THINGS),
            Command::Look(Subject::List(dependency)) => scopes.extend(dependency.scopes()),
            Command::Find(dependency, key) => {
                scopes.extend(dependency.scopes());
                places.entry(key).or_insert_with(|| {
                    lists.push(key);
                    lists.len() - 1
                });
            }
        }
    }
    let scopes: Vec<_> = scopes.into_iter().collect();
    let fetched = connection.fetch(&scopes, &lists, &stores).await?;
    Some((fetched, places))
}

/// The answer to each command of a batch.
fn answers(commands: &[Command], fetched: Fetched, places: &Places<'_>) -> Vec<Option<Found>> {
    let Fetched {
        marks,
        values,
        position,
        entries,
    } = fetched;
    let entries: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.map(|(bytes, left)| (Bytes::from(bytes), left)))
        .collect();
    let view = |subject| View {
        subject,
        marks: Arc::clone(&marks),
        stamp: values.stamp(subject),
        position,
    };
    let answer = |command: &Command| match command {
        Command::Store(_) => None,
        Command::Look(subject) => Some(Found {
            view: view(*subject),
            stored: None,
        }),
        Command::Find(dependency, key) => Some(Found {
            view: view(Subject::List(*dependency)),
            stored: places
                .get(key)
                .and_then(|place| entries.get(*place)?.clone()),
        }),
    };
    commands.iter().map(answer).collect()
}
