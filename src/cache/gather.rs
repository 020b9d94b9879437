//! Gathering: calls of one worker that wait at the same time share one round trip.
//!
//! A round trip serves only calls that were there before it started: one that was under way when a
//! call arrived knows nothing of what was acknowledged or committed right before that call. After a
//! round trip the next starts at the earliest one pause later, which lets more calls share it; an
//! idle worker starts at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// One worker's calls of one kind, each of which asks a `Q` and is answered an `A`.
pub struct Gather<Q, A>(Rc<Inner<Q, A>>);

struct Inner<Q, A> {
    pause: Duration,
    waiting: RefCell<Vec<(Q, oneshot::Sender<A>)>>,
    /// Whether the task that serves the waiting is there.
    running: Cell<bool>,
    /// When the next round trip may start.
    next_start: Cell<Option<Instant>>,
}

impl<Q: 'static, A: 'static> Gather<Q, A> {
    /// Nobody waits yet.
    pub fn new(pause: Duration) -> Self {
        Self(Rc::new(Inner {
            pause,
            waiting: RefCell::default(),
            running: Cell::new(false),
            next_start: Cell::new(None),
        }))
    }

    /// Joins the next round trip, which `serve` makes for all that wait by then: it gets what they
    /// ask and returns as many answers in the same order, or none at all.
    pub fn join(
        &self,
        question: Q,
        serve: impl AsyncFn(&[Q]) -> Vec<A> + 'static,
    ) -> oneshot::Receiver<A> {
        let (answer, answered) = oneshot::channel();
        self.0.waiting.borrow_mut().push((question, answer));
        if !self.0.running.replace(true) {
            tokio::task::spawn_local(Rc::clone(&self.0).serve_waiting(serve));
        }
        answered
    }

    /// Joins the next round trip and waits for its answer; `None` where it has none.
    pub async fn call(
        &self,
        question: Q,
        serve: impl AsyncFn(&[Q]) -> Vec<A> + 'static,
    ) -> Option<A> {
        // The task answers all before it ends, unless it is dropped with its worker.
        self.join(question, serve).await.ok()
    }
}

impl<Q, A> Inner<Q, A> {
    async fn serve_waiting(self: Rc<Self>, serve: impl AsyncFn(&[Q]) -> Vec<A>) {
        let _running = Running(&self.running);
        // Where nobody waits, the pause is left to the next task: most of the time it is over by then,
        // and no timer wakes this worker for nothing.
        while !self.waiting.borrow().is_empty() {
            if let Some(start) = self.next_start.get()
                && start > Instant::now()
            {
                sleep_until(start).await;
            }
            // Nobody can join these any more: who comes from now on waits for the next round trip.
            let (questions, waiting): (Vec<_>, Vec<_>) = self.waiting.take().into_iter().unzip();
            let answers = serve(&questions).await;
            self.next_start
                .set((!self.pause.is_zero()).then(|| Instant::now() + self.pause));
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                // A call that was given up needs no answer.
                _ = waiting.send(answer);
            }
        }
    }
}

/// Makes room for the next task when this one ends, however it does.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
