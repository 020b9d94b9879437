//! Lookups of the generation and of entries, and stores of entries, in batches: one round trip for all
//! that wait at the same time.

use super::batcher::Batcher;
use super::connection::{Fetched, RedisConnection, Store};
use super::generation::Generation;
use super::key::ListKey;
use crate::domain::log_position::LogPosition;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The answer to a lookup.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The generation at a moment between the lookup's start and its end.
    pub generation: Generation,
    /// The log position that a replica must have replayed to show this generation; `None` where it is
    /// not known.
    pub position: Option<LogPosition>,
    /// The encoded entry under the key; `None` where there is none, or no key was given.
    pub stored: Option<Bytes>,
}

/// The part of one call in a batch; every batch fetches the generation and the position as well.
enum Command {
    Nothing,
    Find(ListKey),
    Store(Store),
}

/// One worker's lookups in Redis, in batches.
pub(super) struct Lookups {
    connection: Arc<RedisConnection>,
    batcher: Batcher<Command, Found>,
    /// The generation that the last batch found; `None` where Redis was away.
    last_seen: Rc<Cell<Option<Generation>>>,
}

impl Lookups {
    /// Lookups over this connection, with a pause of at most this long after each batch.
    pub(super) fn new(connection: Arc<RedisConnection>, pause: Duration) -> Self {
        Self {
            connection,
            batcher: Batcher::new(pause),
            last_seen: Rc::default(),
        }
    }

    /// The generation that the last batch found, which says what copy is worth looking for; `None`
    /// before the first and where Redis was away.
    pub(super) fn last_seen(&self) -> Option<Generation> {
        self.last_seen.get()
    }

    /// The current generation and, where a key is given, what is stored under it; `None` where
    /// Redis is away.
    pub(super) async fn look_up(&self, key: Option<ListKey>) -> Option<Found> {
        if !self.connection.is_connected() {
            return None;
        }
        let found = match key {
            // The answer is ready but for this.
            None => self
                .batcher
                .submit_urgent(Command::Nothing, self.run_batch()),
            // Probably a query follows, which takes longer than the pause.
            Some(key) => self.batcher.submit(Command::Find(key), self.run_batch()),
        };
        found.await.ok()
    }

    /// Stores an entry with the next batch: a round trip of its own would cost as much as a lookup. An
    /// entry that cannot be stored is a miss later, and no error.
    pub(super) fn store(&self, store: Store) {
        drop(self.batcher.submit(Command::Store(store), self.run_batch()));
    }

    fn run_batch(&self) -> impl AsyncFn(&[Command]) -> Vec<Found> + 'static {
        let (connection, last_seen) = (Arc::clone(&self.connection), Rc::clone(&self.last_seen));
        async move |commands: &[Command]| {
            let found = run(&connection, commands).await;
            last_seen.set(found.first().map(|found| found.generation));
            found
        }
    }
}

/// One round trip for a batch: an answer to each command, or none at all where Redis is away.
async fn run(connection: &RedisConnection, commands: &[Command]) -> Vec<Found> {
    let mut places = HashMap::new();
    let (mut distinct, mut stores) = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Nothing => {}
            Command::Store(store) => stores.push(store),
            Command::Find(key) => {
                places.entry(key).or_insert_with(|| {
                    distinct.push(key);
                    distinct.len() - 1
                });
            }
        }
    }
    let Some(fetched) = connection.fetch(&distinct, &stores).await else {
        return Vec::new();
    };
    let Fetched {
        generation,
        position,
        values,
    } = fetched;
    let values: Vec<_> = values
        .into_iter()
        .map(|value| value.map(Bytes::from))
        .collect();
    let stored = |command: &Command| match command {
        Command::Find(key) => values.get(*places.get(key)?)?.clone(),
        Command::Nothing | Command::Store(_) => None,
    };
    commands
        .iter()
        .map(|command| Found {
            generation,
            position,
            stored: stored(command),
        })
        .collect()
}
