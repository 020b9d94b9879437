//! Concurrent writers and readers at work on a deployment, and the history of what they saw.

use super::check::check;
use super::client::{ApiAnswer, ApiClient, Exchange};
use super::history::{
    ABSENT, History, Moment, Origin, ReadRecord, Register, WriteOutcome, WriteRecord,
};
use super::report::Report;
use super::scratch::{Scratch, SetupError, Versioned, read};
use super::sight::{View, ViewKind, count_items};
use super::writers::{failure, path_of, steps};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// The writers of each register.
pub(super) const WRITERS: usize = 2;
/// The number of the reader that reads after the last write.
const FINAL_READER: usize = 99;

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

/// Readers and writers that run in the background until [`end`](Self::end).
pub struct Session {
    workload: Arc<Workload>,
    workers: JoinSet<()>,
}

/// What the readers and writers share.
pub(super) struct Workload {
    pub(super) client: ApiClient,
    pub(super) pace: Pace,
    pub(super) scratch: Scratch,
    pub(super) versioned: Vec<Versioned>,
    is_over: AtomicBool,
    history: Mutex<History>,
}

impl Session {
    /// Creates the scratch resources and starts the readers and writers.
    pub async fn start(url: &str, pace: Pace) -> Result<Self, SetupError> {
        let client = ApiClient::new(url).map_err(SetupError::no_client)?;
        let scratch = Scratch::make(&client).await?;
        let versioned = scratch.versioned();
        let made = |class| WriteRecord {
            writer: 0,
            class,
            begin: Moment::ZERO,
            end: client.now(),
            outcome: WriteOutcome::Acknowledged,
            origin: Origin::default(),
        };
        let registers = versioned
            .iter()
            .enumerate()
            .map(|(number, register)| Register {
                name: register.name.clone(),
                writes: [(0, made(scratch.class(number, 0)))].into(),
                is_existence: false,
            });
        let guest = Register {
            name: format!("user of task {}", scratch.guest_task),
            writes: [(0, made(ABSENT))].into(),
            is_existence: false,
        };
        let history = History {
            registers: registers.chain([guest]).collect(),
            ..History::default()
        };
        let workload = Arc::new(Workload {
            client,
            pace,
            scratch,
            versioned,
            is_over: AtomicBool::new(false),
            history: Mutex::new(history),
        });
        let mut workers = JoinSet::new();
        for reader in 0..pace.readers {
            workers.spawn(Arc::clone(&workload).keep_reading(reader));
        }
        for register in 0..workload.versioned.len() {
            for writer in 0..WRITERS {
                workers.spawn(Arc::clone(&workload).keep_writing(register, writer));
            }
        }
        for creator in 0..pace.creators {
            workers.spawn(Arc::clone(&workload).keep_creating(creator));
        }
        workers.spawn(Arc::clone(&workload).keep_hosting());
        Ok(Self { workload, workers })
    }

    /// A value of the history so far.
    pub fn so_far<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.workload.history())
    }

    /// Stops the readers and writers, reads the final state, removes the scratch resources, and checks
    /// the history.
    pub async fn end(mut self) -> Result<Report, SetupError> {
        self.workload.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic.into_panic());
            }
        }
        let Workload {
            client, scratch, ..
        } = &*self.workload;
        let mut history = std::mem::take(&mut *self.workload.history());
        for view in scratch.views() {
            let begin = client.now();
            let answer = read(client, &view.path).await?;
            if view.kind == ViewKind::OwnTasks {
                history.remaining = count_items(&answer.body);
            }
            let times = (begin, client.now());
            let record = self.workload.look(FINAL_READER, &view, times, answer);
            history.final_reads.push(record);
        }
        let remaining = history
            .items
            .iter()
            .filter(|(_, item)| item.delete.is_none());
        let paths =
            remaining.flat_map(|(name, item)| item.ids.iter().map(|id| path_of(*name, *id)));
        scratch.remove(client, paths).await?;
        let violations = check(&history);
        Ok(Report::new(&history, violations, client.now()))
    }
}

impl Workload {
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    async fn keep_reading(self: Arc<Self>, reader: usize) {
        let mut clock = steps(self.pace.read_every);
        for view in self.scratch.views().iter().cycle().skip(reader) {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            let Exchange { begin, end, answer } = self.client.get(&view.path).await;
            match answer {
                Ok(answer) if answer.is_success() => {
                    let record = self.look(reader, view, (begin, end), answer);
                    self.history().reads.push(record);
                }
                other => {
                    let failure = failure("GET", &view.path, begin, end, &other);
                    self.history().failed_reads.push(failure);
                }
            }
        }
    }

    fn look(
        &self,
        reader: usize,
        view: &View,
        (begin, end): (Moment, Moment),
        answer: ApiAnswer,
    ) -> ReadRecord {
        let Self { scratch, pace, .. } = self;
        ReadRecord {
            reader,
            path: view.path.clone(),
            begin,
            end,
            origin: answer.origin,
            sight: scratch.look(view.kind, &answer.body, pace.creators),
        }
    }
}
