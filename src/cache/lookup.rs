//! Lookups of the generation and of entries, gathered.

use super::gather::Gather;
use super::generation::Generation;
use super::link::{Fetched, Link};
use super::reader::Key;
use crate::domain::position::Position;
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
    pub position: Option<Position>,
    /// What was stored under the key, where one was given.
    pub stored: Option<Bytes>,
}

/// One worker's lookups.
pub struct Lookups {
    link: Arc<Link>,
    gather: Gather<Option<Key>, Found>,
    /// The generation that was found last.
    last_seen: Rc<Cell<Option<Generation>>>,
}

impl Lookups {
    /// Lookups over a link, which pause that long after each.
    pub fn new(link: Arc<Link>, pause: Duration) -> Self {
        Self {
            link,
            gather: Gather::new(pause),
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
        let (link, last_seen) = (Arc::clone(&self.link), Rc::clone(&self.last_seen));
        let serve = async move |keys: &[Option<Key>]| {
            let found = fetch(&link, keys).await;
            last_seen.set(found.first().map(|found| found.generation));
            found
        };
        self.gather.call(key, serve).await
    }
}

/// One round trip for all of these, each of which gets an answer; none does where Redis is away.
async fn fetch(link: &Link, keys: &[Option<Key>]) -> Vec<Found> {
    let mut places = HashMap::new();
    let mut distinct = Vec::new();
    for key in keys.iter().filter_map(Option::as_deref) {
        places.entry(key).or_insert_with(|| {
            distinct.push(key);
            distinct.len() - 1
        });
    }
    let Some(fetched) = link.fetch(&distinct).await else {
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
    let stored = |key: &str| values.get(*places.get(key)?)?.clone();
    keys.iter()
        .map(|key| Found {
            generation,
            position,
            stored: key.as_deref().and_then(stored),
        })
        .collect()
}
