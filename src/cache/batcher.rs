//! Batching: calls of one worker that wait at the same time share one round trip.
//!
//! A batch serves only calls that were submitted before it started: a round trip that was under way
//! when a call arrived knows nothing of what was acknowledged or committed right before that call.
//!
//! After a batch there is a pause, which lets more calls share the next one. It ends early once as many
//! urgent calls wait as an average batch holds: the clients that were answered are back, and waiting
//! longer would only leave the worker idle. An urgent call that is alone therefore never waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

/// The share of the last batch in the moving average of batch sizes.
const LAST_BATCH_WEIGHT: f32 = 1.0 / 8.0;

/// The batches of one worker's calls of one kind, each of which submits a command `C` and gets an
/// answer `A`.
pub(super) struct Batcher<C, A>(Rc<Inner<C, A>>);

struct Inner<C, A> {
    pause: Duration,
    waiting: RefCell<Vec<(C, oneshot::Sender<A>)>>,
    /// How many of the waiting calls are urgent.
    urgent_count: Cell<usize>,
    /// Whether the task that runs batches is there.
    is_running: Cell<bool>,
    /// When the pause after the last batch ends at the latest.
    pause_end: Cell<Option<Instant>>,
    /// The exponential moving average of the number of urgent calls in a batch.
    mean_batch_size: Cell<f32>,
    /// Wakes the pause when as many urgent calls wait as an average batch holds.
    batch_complete: Notify,
}

impl<C: 'static, A: 'static> Batcher<C, A> {
    /// An idle batcher that pauses for at most this long after each batch.
    pub(super) fn new(pause: Duration) -> Self {
        Self(Rc::new(Inner {
            pause,
            waiting: RefCell::default(),
            urgent_count: Cell::new(0),
            is_running: Cell::new(false),
            pause_end: Cell::new(None),
            mean_batch_size: Cell::new(0.0),
            batch_complete: Notify::new(),
        }))
    }

    /// Submits a command for the next batch, which `run_batch` carries out for all that wait by then:
    /// it gets their commands and returns as many answers in the same order, or none at all, which
    /// closes every receiver.
    ///
    /// The batch runs whether or not the receiver is still there.
    pub(super) fn submit(
        &self,
        command: C,
        run_batch: impl AsyncFn(&[C]) -> Vec<A> + 'static,
    ) -> oneshot::Receiver<A> {
        let (answer, answered) = oneshot::channel();
        self.0.waiting.borrow_mut().push((command, answer));
        if !self.0.is_running.replace(true) {
            tokio::task::spawn_local(Rc::clone(&self.0).run_batches(run_batch));
        }
        // The task answers all before it ends, unless it is dropped with its worker.
        answered
    }

    /// [Submits](Self::submit) an urgent command: the pause before its batch ends once as many urgent
    /// calls wait as an average batch holds.
    pub(super) fn submit_urgent(
        &self,
        command: C,
        run_batch: impl AsyncFn(&[C]) -> Vec<A> + 'static,
    ) -> oneshot::Receiver<A> {
        self.0.urgent_count.update(|count| count + 1);
        if self.0.is_batch_complete() {
            self.0.batch_complete.notify_one();
        }
        self.submit(command, run_batch)
    }
}

impl<C, A> Inner<C, A> {
    /// Whether as many urgent calls wait as an average batch holds.
    fn is_batch_complete(&self) -> bool {
        let urgent_count = self.urgent_count.get();
        urgent_count > 0 && urgent_count as f32 >= self.mean_batch_size.get().round()
    }

    async fn wait_until_batch_complete(&self) {
        while !self.is_batch_complete() {
            self.batch_complete.notified().await;
        }
    }

    async fn run_batches(self: Rc<Self>, run_batch: impl AsyncFn(&[C]) -> Vec<A>) {
        let _running = Running(&self);
        // Where no call waits, the pause is left to the next task: most of the time it is over by then,
        // and no timer wakes this worker for nothing.
        while !self.waiting.borrow().is_empty() {
            if let Some(end) = self.pause_end.get()
                && end > Instant::now()
            {
                _ = timeout_at(end, self.wait_until_batch_complete()).await;
            }
            // The batch is closed here: a call that comes from now on waits for the next one.
            let (commands, waiting): (Vec<_>, Vec<_>) = self.waiting.take().into_iter().unzip();
            let urgent_count = self.urgent_count.take();
            if urgent_count > 0 {
                self.mean_batch_size
                    .update(|mean| mean + (urgent_count as f32 - mean) * LAST_BATCH_WEIGHT);
            }
            let answers = run_batch(&commands).await;
            self.pause_end
                .set((!self.pause.is_zero()).then(|| Instant::now() + self.pause));
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                // A call that was given up needs no answer.
                _ = waiting.send(answer);
            }
        }
    }
}

/// Lets the next task start when this one ends, however it does. After a panic in a batch, calls that
/// wait for the next one get no answer instead of waiting for ever.
struct Running<'a, C, A>(&'a Inner<C, A>);

impl<C, A> Drop for Running<'_, C, A> {
    fn drop(&mut self) {
        self.0.is_running.set(false);
        self.0.waiting.take();
        self.0.urgent_count.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::try_join_all;
    use tokio::task::LocalSet;
    use tokio::time::sleep;

    /// Longer than anything else takes; the paused clock of these tests jumps over it.
    const PAUSE: Duration = Duration::from_secs(3600);

    type Calls = (Duration, Vec<usize>);

    /// How long this many calls that are submitted at once wait, and how large the batch of each was.
    async fn calls(batcher: &Batcher<(), usize>, number: usize, is_urgent: bool) -> Calls {
        let started = Instant::now();
        let run_batch = async |questions: &[()]| vec![questions.len(); questions.len()];
        let answers = (0..number).map(|_| match is_urgent {
            true => batcher.submit_urgent((), run_batch),
            false => batcher.submit((), run_batch),
        });
        let shared = try_join_all(answers).await.unwrap();
        (started.elapsed(), shared)
    }

    async fn urgent(batcher: &Batcher<(), usize>, number: usize) -> Calls {
        calls(batcher, number, true).await
    }

    async fn not_urgent(batcher: &Batcher<(), usize>, number: usize) -> Calls {
        calls(batcher, number, false).await
    }

    /// Runs batches of this size until the mean is that size.
    async fn bring_mean_to(batcher: &Batcher<(), usize>, number: usize) {
        for _ in 0..100 {
            urgent(batcher, number).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_urgent_call_that_is_alone_never_waits() {
        let batcher = Batcher::new(PAUSE);
        let test = async {
            for _ in 0..100 {
                assert_eq!(urgent(&batcher, 1).await, (Duration::ZERO, vec![1]));
            }
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_not_urgent_wait_for_the_pause_or_for_an_urgent_call() {
        let batcher = Batcher::new(PAUSE);
        let test = async {
            assert_eq!(not_urgent(&batcher, 2).await, (Duration::ZERO, vec![2; 2]));
            let (waited, shared) = not_urgent(&batcher, 2).await;
            assert!(waited >= PAUSE, "{waited:?}");
            assert_eq!(shared, [2; 2]);
            let (first, second) = tokio::join!(not_urgent(&batcher, 2), urgent(&batcher, 1));
            assert_eq!(first, (Duration::ZERO, vec![3; 2]));
            assert_eq!(second, (Duration::ZERO, vec![3]));
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_below_the_mean_waits_for_the_pause_and_one_at_the_mean_does_not() {
        let batcher = Batcher::new(PAUSE);
        let test = async {
            bring_mean_to(&batcher, 8).await;
            assert_eq!(urgent(&batcher, 8).await, (Duration::ZERO, vec![8; 8]));
            let (waited, shared) = urgent(&batcher, 4).await;
            assert!(waited >= PAUSE, "{waited:?}");
            assert_eq!(shared, [4; 4]);
            bring_mean_to(&batcher, 4).await;
            assert_eq!(urgent(&batcher, 4).await, (Duration::ZERO, vec![4; 4]));
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_that_brings_the_batch_to_the_mean_ends_the_pause() {
        let batcher = Batcher::new(PAUSE);
        let test = async {
            bring_mean_to(&batcher, 8).await;
            let late = async {
                sleep(PAUSE / 4).await;
                urgent(&batcher, 1).await
            };
            let (early, late) = tokio::join!(urgent(&batcher, 7), late);
            assert_eq!(early.1, [8; 7]);
            assert_eq!(late, (Duration::ZERO, vec![8]));
        };
        LocalSet::new().run_until(test).await;
    }
}
