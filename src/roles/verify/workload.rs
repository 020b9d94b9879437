//! What the readers and writers of a session share.

use super::client::{ApiAnswer, ApiClient};
use super::history::{Failure, History, Moment};
use super::scratch::{Scratch, Versioned};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The numbers of readers and writers and how often each sends a request.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The number of readers.
    pub readers: usize,
    /// The shortest time between two reads of one reader.
    pub read_every: Duration,
    /// The number of creators, beside two writers for each register and one of short-lived users.
    pub creators: usize,
    /// The shortest time between two writes of one writer or creator.
    pub write_every: Duration,
}

impl Default for Pace {
    /// At most 300 reads and 100 writes a second.
    fn default() -> Self {
        Self {
            readers: 6,
            read_every: Duration::from_millis(20),
            creators: 2,
            write_every: Duration::from_millis(150),
        }
    }
}

/// What the readers and writers share.
pub(super) struct Workload {
    pub(super) client: ApiClient,
    pub(super) pace: Pace,
    pub(super) scratch: Scratch,
    pub(super) versioned: Vec<Versioned>,
    pub(super) is_over: AtomicBool,
    pub(super) history: Mutex<History>,
}

impl Workload {
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// A request that was not answered with a success.
pub(super) fn failure(
    method: &str,
    path: &str,
    begin: Moment,
    end: Moment,
    answer: &Result<ApiAnswer, String>,
) -> Failure {
    let cause = match answer {
        Ok(answer) => format!("{} ({})", answer.sentence(), answer.origin),
        Err(cause) => cause.clone(),
    };
    Failure {
        begin,
        duration: end.saturating_sub(begin),
        description: format!("{method} {path}: {cause}"),
    }
}

/// A clock that ticks at most this often.
pub(super) fn steps(every: Duration) -> tokio::time::Interval {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}
