//! Gathered lookups: requests of one worker that wait at the same time share one round trip.
//!
//! A lookup answers only requests that were there before it started: an answer that was under way
//! when a request arrived may be older than a write which was acknowledged before that request.
//! After an answer the next lookup starts at the earliest one pause later, which lets more requests
//! share it; an idle worker asks at once.

use super::generation::Generation;
use super::link::Link;
use super::reader::Key;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// What a lookup found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The generation while the lookup was under way.
    pub generation: Generation,
    /// What was stored under the key, where one was given.
    pub stored: Option<Bytes>,
}

/// One worker's lookups.
#[derive(Clone)]
pub struct Lookups(Rc<Inner>);

struct Inner {
    link: Arc<Link>,
    pause: Duration,
    waiting: RefCell<Vec<Waiting>>,
    /// Whether the task that serves the waiting is there.
    running: Cell<bool>,
    /// When the next lookup may start.
    next_start: Cell<Option<Instant>>,
    /// The generation that was found last.
    last_seen: Cell<Option<Generation>>,
}

struct Waiting {
    key: Option<Key>,
    answer: oneshot::Sender<Option<Found>>,
}

impl Lookups {
    /// Lookups over a link, which pause that long after each.
    pub fn new(link: Arc<Link>, pause: Duration) -> Self {
        Self(Rc::new(Inner {
            link,
            pause,
            waiting: RefCell::default(),
            running: Cell::new(false),
            next_start: Cell::new(None),
            last_seen: Cell::new(None),
        }))
    }

    /// The generation that the last lookup found: a hint which copy is worth looking for.
    pub fn last_seen(&self) -> Option<Generation> {
        self.0.last_seen.get()
    }

    /// The current generation and, where a key is given, what is stored under it; `None` where
    /// Redis is away.
    pub async fn look_up(&self, key: Option<Key>) -> Option<Found> {
        self.0.link.connection()?;
        let (answer, found) = oneshot::channel();
        self.0.waiting.borrow_mut().push(Waiting { key, answer });
        if !self.0.running.replace(true) {
            tokio::task::spawn_local(Rc::clone(&self.0).serve_waiting());
        }
        // The task answers all before it ends; were it dropped, that would be as if Redis were away.
        found.await.ok().flatten()
    }
}

impl Inner {
    async fn serve_waiting(self: Rc<Self>) {
        loop {
            if let Some(start) = self.next_start.get()
                && start > Instant::now()
            {
                sleep_until(start).await;
            }
            let waiting = self.waiting.take();
            if waiting.is_empty() {
                self.running.set(false);
                return;
            }
            self.serve(waiting).await;
        }
    }

    /// One round trip for all of these. Nobody can join any more: who comes now waits for the next.
    async fn serve(&self, waiting: Vec<Waiting>) {
        let mut places = HashMap::new();
        let mut keys = Vec::new();
        for key in waiting.iter().filter_map(|waiting| waiting.key.as_deref()) {
            places.entry(key).or_insert_with(|| {
                keys.push(key);
                keys.len() - 1
            });
        }
        let fetched = self.link.fetch(&keys).await;
        self.next_start
            .set(fetched.is_some().then(|| Instant::now() + self.pause));
        self.last_seen
            .set(fetched.as_ref().map(|(generation, _)| *generation));
        let fetched = fetched.map(|(generation, values)| {
            (
                generation,
                values
                    .into_iter()
                    .map(|value| value.map(Bytes::from))
                    .collect::<Vec<_>>(),
            )
        });
        let found = |key: Option<&str>| {
            let (generation, values) = fetched.as_ref()?;
            let stored = key.and_then(|key| values.get(*places.get(key)?)?.clone());
            Some(Found {
                generation: *generation,
                stored,
            })
        };
        let answers: Vec<_> = waiting
            .iter()
            .map(|waiting| found(waiting.key.as_deref()))
            .collect();
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            // A request that was given up needs no answer.
            _ = waiting.answer.send(answer);
        }
    }
}
