//! Gathering: calls of one worker that wait at the same time share one round trip.
//!
//! A round trip serves only calls that were there before it started: one that was under way when a
//! call arrived knows nothing of what was acknowledged or committed right before that call.
//!
//! After a round trip there is a pause, which lets more calls share the next. It ends early once as
//! many are in a hurry as usually share one: those that were answered are back, and waiting on would
//! only leave the worker idle. Who is in a hurry alone thus never waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

/// One worker's calls of one kind, each of which asks a `Q` and is answered an `A`.
pub struct Gather<Q, A>(Rc<Inner<Q, A>>);

struct Inner<Q, A> {
    pause: Duration,
    waiting: RefCell<Vec<(Q, oneshot::Sender<A>)>>,
    /// How many of them are in a hurry.
    hurried: Cell<usize>,
    /// Whether the task that serves the waiting is there.
    running: Cell<bool>,
    /// When the pause after the last round trip ends at the latest.
    pause_end: Cell<Option<Instant>>,
    /// How many in a hurry usually share a round trip: an average in which the last one counts for an
    /// eighth.
    usual: Cell<f32>,
    /// As many are in a hurry as usually are.
    complete: Notify,
}

impl<Q: 'static, A: 'static> Gather<Q, A> {
    /// Nobody waits yet.
    pub fn new(pause: Duration) -> Self {
        Self(Rc::new(Inner {
            pause,
            waiting: RefCell::default(),
            hurried: Cell::new(0),
            running: Cell::new(false),
            pause_end: Cell::new(None),
            usual: Cell::new(0.0),
            complete: Notify::new(),
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
        // The task answers all before it ends, unless it is dropped with its worker.
        answered
    }

    /// [Joins](Self::join) the next round trip in a hurry: the pause before it ends once as many are as
    /// usually share one.
    pub fn hurry(
        &self,
        question: Q,
        serve: impl AsyncFn(&[Q]) -> Vec<A> + 'static,
    ) -> oneshot::Receiver<A> {
        self.0.hurried.update(|hurried| hurried + 1);
        if self.0.is_complete() {
            self.0.complete.notify_one();
        }
        self.join(question, serve)
    }
}

impl<Q, A> Inner<Q, A> {
    /// Whether as many are in a hurry as usually share a round trip.
    fn is_complete(&self) -> bool {
        let hurried = self.hurried.get();
        hurried > 0 && hurried as f32 >= self.usual.get().round()
    }

    /// Waits until that is so.
    async fn completion(&self) {
        while !self.is_complete() {
            self.complete.notified().await;
        }
    }

    async fn serve_waiting(self: Rc<Self>, serve: impl AsyncFn(&[Q]) -> Vec<A>) {
        let _running = Running(&self.running);
        // Where nobody waits, the pause is left to the next task: most of the time it is over by then,
        // and no timer wakes this worker for nothing.
        while !self.waiting.borrow().is_empty() {
            if let Some(end) = self.pause_end.get()
                && end > Instant::now()
            {
                _ = timeout_at(end, self.completion()).await;
            }
            // Nobody can join these any more: who comes from now on waits for the next round trip.
            let (questions, waiting): (Vec<_>, Vec<_>) = self.waiting.take().into_iter().unzip();
            let hurried = self.hurried.take();
            if hurried > 0 {
                self.usual
                    .update(|usual| usual + (hurried as f32 - usual) / 8.0);
            }
            let answers = serve(&questions).await;
            self.pause_end
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::try_join_all;
    use tokio::task::LocalSet;
    use tokio::time::sleep;

    /// So long that nobody overlooks it; the clock of these tests jumps over it.
    const PAUSE: Duration = Duration::from_secs(3600);

    type Calls = (Duration, Vec<usize>);

    /// How long this many calls that are made at once wait, and how many shared each one's round trip.
    async fn calls(gather: &Gather<(), usize>, number: usize, in_a_hurry: bool) -> Calls {
        let started = Instant::now();
        let serve = async |questions: &[()]| vec![questions.len(); questions.len()];
        let answers = (0..number).map(|_| match in_a_hurry {
            true => gather.hurry((), serve),
            false => gather.join((), serve),
        });
        let shared = try_join_all(answers).await.unwrap();
        (started.elapsed(), shared)
    }

    async fn hurried(gather: &Gather<(), usize>, number: usize) -> Calls {
        calls(gather, number, true).await
    }

    async fn patient(gather: &Gather<(), usize>, number: usize) -> Calls {
        calls(gather, number, false).await
    }

    /// So many in a hurry share a round trip so often that it is what is usual.
    async fn accustom(gather: &Gather<(), usize>, number: usize) {
        for _ in 0..100 {
            hurried(gather, number).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_in_a_hurry_alone_never_waits() {
        let gather = Gather::new(PAUSE);
        let test = async {
            for _ in 0..100 {
                assert_eq!(hurried(&gather, 1).await, (Duration::ZERO, vec![1]));
            }
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_patient_wait_for_the_end_of_the_pause_or_for_somebody_in_a_hurry() {
        let gather = Gather::new(PAUSE);
        let test = async {
            assert_eq!(patient(&gather, 2).await, (Duration::ZERO, vec![2; 2]));
            let (waited, shared) = patient(&gather, 2).await;
            assert!(waited >= PAUSE, "{waited:?}");
            assert_eq!(shared, [2; 2]);
            let (first, second) = tokio::join!(patient(&gather, 2), hurried(&gather, 1));
            assert_eq!(first, (Duration::ZERO, vec![3; 2]));
            assert_eq!(second, (Duration::ZERO, vec![3]));
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_than_usual_wait_for_others_and_as_many_do_not() {
        let gather = Gather::new(PAUSE);
        let test = async {
            accustom(&gather, 8).await;
            assert_eq!(hurried(&gather, 8).await, (Duration::ZERO, vec![8; 8]));
            let (waited, shared) = hurried(&gather, 4).await;
            assert!(waited >= PAUSE, "{waited:?}");
            assert_eq!(shared, [4; 4]);
            accustom(&gather, 4).await;
            assert_eq!(hurried(&gather, 4).await, (Duration::ZERO, vec![4; 4]));
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_one_that_makes_them_as_many_as_usual_ends_the_pause() {
        let gather = Gather::new(PAUSE);
        let test = async {
            accustom(&gather, 8).await;
            let late = async {
                sleep(PAUSE / 4).await;
                hurried(&gather, 1).await
            };
            let (early, late) = tokio::join!(hurried(&gather, 7), late);
            assert_eq!(early.1, [8; 7]);
            assert_eq!(late, (Duration::ZERO, vec![8]));
        };
        LocalSet::new().run_until(test).await;
    }
}
