//! Fills: the queries for lists of which there is no copy, one at a time for each list and process.
//!
//! A query shows what was committed before it started. So it serves those that were there by then, and
//! nobody else: who comes later waits for the next one. A list that everybody asks for costs one query at
//! a time, however often it is written.

use crate::cache::ListKey;
use scopeguard::ScopeGuard;
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
        let running = scopeguard::guard((), |()| {
            self.lists().remove(&key);
        });
        loop {
            let batch = {
                let mut lists = self.lists();
                let batch = lists.get_mut(&key).map(std::mem::take).unwrap_or_default();
                if batch.is_empty() {
                    // Under the same lock, so that nobody joins between.
                    lists.remove(&key);
                    ScopeGuard::into_inner(running);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::page::{Page, Unfiltered};
    use crate::domain::user::User;
    use crate::domain::viewer::ViewerClass;
    use std::cell::Cell;
    use std::rc::Rc;
    use tokio::sync::Notify;
    use tokio::task::LocalSet;

    fn key() -> ListKey {
        let page = Page {
            number: 1,
            limit: 10,
        };
        ListKey::new(
            ViewerClass::Everyone,
            "/users",
            page,
            &Unfiltered::<User>::default(),
        )
    }

    /// Queries that end when they are told to, and answer with the needs that they served.
    #[derive(Clone, Default)]
    struct Database {
        running: Rc<Cell<usize>>,
        started: Rc<Notify>,
        end: Rc<Notify>,
    }

    impl Database {
        fn query(&self) -> impl AsyncFn(&[u32]) -> Vec<u32> + Clone + 'static {
            let Self {
                running,
                started,
                end,
            } = self.clone();
            async move |needs: &[u32]| {
                running.set(running.get() + 1);
                assert_eq!(running.get(), 1, "two queries at once");
                started.notify_one();
                end.notified().await;
                running.set(running.get() - 1);
                needs.to_vec()
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn query_serves_those_that_came_before_it_started_and_nobody_else() {
        let fills = Arc::new(Fills::<u32, Vec<u32>>::default());
        let database = Database::default();
        let join = |need| {
            let (fills, query) = (Arc::clone(&fills), database.query());
            spawn_local(async move { fills.join(key(), need, query).await })
        };
        let test = async {
            let first = join(1);
            database.started.notified().await;
            let (second, third) = (join(2), join(3));
            tokio::task::yield_now().await;
            database.end.notify_one();
            assert_eq!(first.await.unwrap(), (vec![1], true));
            database.started.notified().await;
            database.end.notify_one();
            assert_eq!(second.await.unwrap(), (vec![2, 3], true));
            assert_eq!(third.await.unwrap(), (vec![2, 3], false));
            assert!(fills.lists().is_empty());
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn read_whose_turn_does_not_come_asks_by_itself() {
        let fills = Arc::new(Fills::<u32, Vec<u32>>::default());
        let stuck = async |_: &[u32]| std::future::pending().await;
        let at_once = async |needs: &[u32]| needs.to_vec();
        let test = async {
            let first = {
                let fills = Arc::clone(&fills);
                spawn_local(async move { fills.join(key(), 1, stuck).await })
            };
            tokio::task::yield_now().await;
            assert_eq!(fills.join(key(), 2, at_once).await, (vec![2], true));
            first.abort();
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn read_outlives_the_worker_that_ran_its_query() {
        let fills = Arc::new(Fills::<u32, Vec<u32>>::default());
        let stuck = async |_: &[u32]| std::future::pending().await;
        let worker = LocalSet::new();
        let joined = {
            let fills = Arc::clone(&fills);
            worker.spawn_local(async move { fills.join(key(), 1, stuck).await })
        };
        worker
            .run_until(tokio::time::sleep(Duration::from_millis(1)))
            .await;
        let at_once = async |needs: &[u32]| needs.to_vec();
        let other = LocalSet::new();
        let test = other.run_until(fills.join(key(), 2, at_once));
        let end = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(worker);
        };
        let (answer, ()) = tokio::join!(test, end);
        assert_eq!(answer, (vec![2], true));
        assert!(joined.await.is_err());
    }
}
