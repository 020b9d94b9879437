//! Lookups of the generation and of entries, and stores of entries, gathered.

use super::batcher::Batcher;
use super::generation::Generation;
use super::link::{Fetched, Link};
use super::reader::Key;
use crate::domain::lsn::Lsn;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a lookup found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The generation while the lookup was under way.
    pub generation: Generation,
    /// What a replica must have replayed to show that generation, where that is known.
    pub position: Option<Lsn>,
    /// What was stored under the key, where one was given.
    pub stored: Option<Bytes>,
}

/// Bytes to be stored.
pub struct Store {
    /// Under which key.
    pub key: Key,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// For how long.
    pub ttl: Duration,
}

/// What a round trip can do for one who waits for it, on top of finding the generation.
enum Command {
    Nothing,
    Find(Key),
    Store(Store),
}

/// One worker's lookups.
pub struct Lookups {
    link: Arc<Link>,
    batcher: Batcher<Command, Found>,
    /// The generation that was found last.
    last_seen: Rc<Cell<Option<Generation>>>,
}

impl Lookups {
    /// Lookups over a link, which pause that long after each.
    pub fn new(link: Arc<Link>, pause: Duration) -> Self {
        Self {
            link,
            batcher: Batcher::new(pause),
            last_seen: Rc::default(),
        }
    }

    /// The generation that the last lookup found: a hint which copy is worth looking for.
    pub fn last_seen(&self) -> Option<Generation> {
        self.last_seen.get()
    }

    /// The current generation and, where a key is given, what is stored under it; `None` where
    /// Redis is away.
    pub async fn look_up(&self, key: Option<Key>) -> Option<Found> {
        if !self.link.is_connected() {
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

    /// Has the next lookup store something, too: a round trip of its own would cost as much as the
    /// lookup. Nothing is lost where that fails.
    pub fn store(&self, store: Store) {
        drop(self.batcher.submit(Command::Store(store), self.run_batch()));
    }

    fn run_batch(&self) -> impl AsyncFn(&[Command]) -> Vec<Found> + 'static {
        let (link, last_seen) = (Arc::clone(&self.link), Rc::clone(&self.last_seen));
        async move |commands: &[Command]| {
            let found = run(&link, commands).await;
            last_seen.set(found.first().map(|found| found.generation));
            found
        }
    }
}

/// One round trip for all of these, each of which gets an answer; none does where Redis is away.
async fn run(link: &Link, commands: &[Command]) -> Vec<Found> {
    let mut places = HashMap::new();
    let (mut distinct, mut stores) = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Nothing => {}
            Command::Store(store) => stores.push(store),
            Command::Find(key) => {
                places.entry(key).or_insert_with(|| {
                    distinct.push(&**key);
                    distinct.len() - 1
                });
            }
        }
    }
    let Some(fetched) = link.fetch(&distinct, &stores).await else {
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
