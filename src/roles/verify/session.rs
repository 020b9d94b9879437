//! Concurrent writers and readers at work on a deployment, and the history of what they saw.

use super::check::check;
use super::client::{ApiAnswer, ApiClient, Exchange};
use super::history::{
    FINAL_READER, History, Moment, Origin, ReadRecord, Register, WriteOutcome, WriteRecord,
};
use super::report::Report;
use super::scratch::{Scratch, SetupError, read};
use super::sight::{View, ViewKind, count_items};
use super::workload::{Pace, Workload, failure, steps};
use super::writers::{WRITERS, path_of};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// Readers and writers that run in the background until [`end`](Self::end).
pub struct Session {
    workload: Arc<Workload>,
    workers: JoinSet<()>,
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
            writes: [(0, made(scratch.owner(0)))].into(),
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
