//! Fills: the queries for lists of which there is no copy, one at a time for each list and process.
//!
//! A query shows what was committed before it started. So it serves those that were there by then, and
//! nobody else: who comes later waits for the next one. A list that everybody asks for costs one query at
//! a time, however often it is written.

use crate::cache::ListKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Who has waited this long for a query that others wait for to end asks by itself: that one may be
/// stuck, and both together must end before NGINX gives up.
const TURN_LIMIT: Duration = Duration::from_secs(1);

/// The fills of a process: their reads, each with a need `N`, get clones of an answer `A`.
pub struct Fills<N, A>(Mutex<HashMap<ListKey, Vec<Waiting<N, A>>>>);

/// A read that waits for the next query.
struct Waiting<N, A> {
    need: N,
    answer: oneshot::Sender<(A, bool)>,
    /// Dropped as soon as the query starts.
    not_started: oneshot::Sender<()>,
}

impl<N, A> Default for Fills<N, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<N: Clone + 'static, A: Clone + 'static> Fills<N, A> {
    /// The answer of the next `query` for this list, which gets the needs of all reads that it serves, the
    /// last of which came last; and whether this read is the first of them, for which alone it would have
    /// been made.
    pub async fn join(
        self: &Arc<Self>,
        key: ListKey,
        need: N,
        query: impl AsyncFn(&[N]) -> A + Clone + 'static,
    ) -> (A, bool) {
        let (answer, mut answered) = oneshot::channel();
        let (not_started, mut started) = oneshot::channel();
        let waiting = Waiting {
            need: need.clone(),
            answer,
            not_started,
        };
        let is_first = {
            let mut lists = self.lists();
            let is_first = !lists.contains_key(&key);
            lists.entry(key.clone()).or_default().push(waiting);
            is_first
        };
        if is_first {
            spawn_local(Arc::clone(self).run(key, query.clone()));
        }
        // The sender is dropped where the turn has come.
        let turn = timeout(TURN_LIMIT, &mut started).await;
        if turn.is_err() && answered.try_recv().is_err() {
            return (query(&[need]).await, true);
        }
        match answered.await {
            Ok(answer) => answer,
            // The worker ended that ran the query.
            Err(_) => (query(&[need]).await, true),
        }
    }

    fn lists(&self) -> MutexGuard<'_, HashMap<ListKey, Vec<Waiting<N, A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one query after another until nobody waits for this list.
    async fn run(self: Arc<Self>, key: ListKey, query: impl AsyncFn(&[N]) -> A) {
        // However this ends, those that wait ask by themselves, and the next one starts anew.
        let _running = scopeguard::guard((), |()| {
            self.lists().remove(&key);
        });
        loop {
            let batch = {
                let mut lists = self.lists();
                let batch = lists.get_mut(&key).map(std::mem::take).unwrap_or_default();
                if batch.is_empty() {
                    // Under the same lock, so that nobody joins between.
                    lists.remove(&key);
                    return;
                }
                batch
            };
            let (needs, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|waiting| {
                    drop(waiting.not_started);
                    (waiting.need, waiting.answer)
                })
                .unzip();
            let answer = query(&needs).await;
            for (place, waiting) in answers.into_iter().enumerate() {
                // Who has gone needs no answer.
                _ = waiting.send((answer.clone(), place == 0));
            }
        }
    }
}
