//! Concurrent writers and readers at work on a deployment, and the history of what they saw.

use super::check::check;
use super::client::{ApiAnswer, ApiClient, Exchange};
use super::history::{
    Failure, History, Item, ItemName, Moment, Origin, ReadRecord, Register, WriteOutcome,
    WriteRecord,
};
use super::report::Report;
use super::scratch::{Scratch, SetupError, Versioned, text_of, title_of};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// The number of newer items of the same creator that exist before an item is deleted.
const KEPT: u64 = 8;
/// How long a write whose outcome is unknown is repeated under its key.
const PATIENCE: Duration = Duration::from_secs(30);
const REPEAT_AFTER: Duration = Duration::from_millis(100);
/// Every so many items, a create that was acknowledged is repeated all the same.
const REPEAT_EVERY: u64 = 4;

/// The numbers of readers and writers and how often each sends a request.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The number of readers.
    pub readers: usize,
    /// The shortest time between two reads of one reader.
    pub read_every: Duration,
    /// The number of creators, beside one writer for each register.
    pub creators: usize,
    /// The shortest time between two writes of one writer or creator.
    pub write_every: Duration,
}

impl Default for Pace {
    /// At most 300 reads and 80 writes a second.
    fn default() -> Self {
        Self {
            readers: 6,
            read_every: Duration::from_millis(20),
            creators: 2,
            write_every: Duration::from_millis(75),
        }
    }
}

/// Readers and writers that run in the background until [`end`](Self::end).
pub struct Session {
    workload: Arc<Workload>,
    workers: JoinSet<()>,
}

/// What the readers and writers share.
struct Workload {
    client: ApiClient,
    pace: Pace,
    scratch: Scratch,
    versioned: Vec<Versioned>,
    is_over: AtomicBool,
    history: Mutex<History>,
}

impl Session {
    /// Creates the scratch resources and starts the readers and writers.
    pub async fn start(url: &str, pace: Pace) -> Result<Self, SetupError> {
        let client = ApiClient::new(url).map_err(SetupError::no_client)?;
        let scratch = Scratch::make(&client).await?;
        let versioned = scratch.versioned();
        let made = WriteRecord {
            begin: Moment::ZERO,
            end: Moment::ZERO,
            outcome: WriteOutcome::Acknowledged,
            origin: Origin::default(),
        };
        let registers = versioned.iter().map(|thing| Register {
            name: thing.name.clone(),
            writes: [(0, made.clone())].into(),
            final_version: None,
        });
        let history = History {
            registers: registers.collect(),
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
            workers.spawn(Arc::clone(&workload).keep_writing(register));
        }
        for creator in 0..pace.creators {
            workers.spawn(Arc::clone(&workload).keep_creating(creator));
        }
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
        let final_list = scratch.final_list(client).await?;
        let mut history = std::mem::take(&mut *self.workload.history());
        let versions = scratch.versions_in_list(&final_list);
        for (register, version) in history.registers.iter_mut().zip(versions) {
            register.final_version = version;
        }
        history.remaining = Scratch::items_in_list(&final_list);
        let remaining = history.items.values().filter(|item| item.delete.is_none());
        let remaining: Vec<_> = remaining
            .flat_map(|item| item.ids.iter().copied())
            .collect();
        scratch.remove(client, &remaining).await?;
        let violations = check(&history);
        Ok(Report::new(&history, violations, client.now()))
    }
}

impl Workload {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    async fn keep_reading(self: Arc<Self>, reader: usize) {
        let lists = self.scratch.lists();
        let lists = lists.iter().map(|path| (path.as_str(), None));
        let ones = self.versioned.iter().enumerate();
        let ones = ones.map(|(number, thing)| (thing.path.as_str(), Some(number)));
        let views: Vec<_> = lists.chain(ones).collect();
        let mut clock = steps(self.pace.read_every);
        for (path, number) in views.into_iter().cycle().skip(reader) {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            let exchange = self.client.get(path).await;
            self.record_read(reader, path, number, exchange);
        }
    }

    fn record_read(&self, reader: usize, path: &str, number: Option<usize>, exchange: Exchange) {
        let Exchange { begin, end, answer } = exchange;
        let answer = match answer {
            Ok(answer) if answer.is_success() => answer,
            other => {
                let failure = failure("GET", path, begin, end, &other);
                self.history().failed_reads.push(failure);
                return;
            }
        };
        let (registers, items) = match number.and_then(|number| self.versioned.get(number)) {
            Some(thing) => {
                let version = Scratch::version_in_one(&answer.body, thing.field);
                (vec![(number.unwrap_or_default(), version)], None)
            }
            None => {
                let versions = self.scratch.versions_in_list(&answer.body);
                let items = Scratch::items_in_list(&answer.body);
                (
                    versions.into_iter().enumerate().collect(),
                    Some(items.into_keys().collect()),
                )
            }
        };
        self.history().reads.push(ReadRecord {
            reader,
            path: path.to_owned(),
            begin,
            end,
            origin: answer.origin,
            registers,
            items,
        });
    }

    async fn keep_writing(self: Arc<Self>, number: usize) {
        let Some(Versioned { path, field, .. }) = self.versioned.get(number) else {
            return;
        };
        let mut clock = steps(self.pace.write_every);
        for version in 1.. {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            let update = json!({ *field: text_of(version) });
            let exchange = self.client.send(Method::PUT, path, Some(&update), None);
            let Exchange { begin, end, answer } = exchange.await;
            let mut history = self.history();
            history.writes += 1;
            let (outcome, origin) = match answer {
                Ok(answer) if answer.is_success() => (WriteOutcome::Acknowledged, answer.origin),
                other => {
                    let failure = failure("PUT", path, begin, end, &other);
                    history.failed_writes.push(failure);
                    (
                        WriteOutcome::Unknown,
                        other.map(|answer| answer.origin).unwrap_or_default(),
                    )
                }
            };
            let write = WriteRecord {
                begin,
                end,
                outcome,
                origin,
            };
            if let Some(register) = history.registers.get_mut(number) {
                register.writes.insert(version, write);
            }
        }
    }

    async fn keep_creating(self: Arc<Self>, creator: usize) {
        let mut clock = steps(self.pace.write_every);
        for number in 0.. {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            self.create((creator, number)).await;
            if let Some(old) = number.checked_sub(KEPT) {
                self.delete((creator, old)).await;
            }
        }
    }

    /// Creates an item, repeating the request under its key until its outcome is known.
    async fn create(&self, name: ItemName) {
        let body = self.scratch.task(&title_of(name));
        let key = format!(
            "{}-{}",
            self.scratch.marker,
            title_of(name).replace(' ', "-")
        );
        let send = || {
            self.client
                .send(Method::POST, "/tasks", Some(&body), Some(&key))
        };
        let is_done = |answer: &ApiAnswer| answer.is_success() && answer.id().is_some();
        let (write, answer) = self.settle("POST /tasks", send, is_done).await;
        let mut ids: BTreeSet<_> = answer.and_then(|answer| answer.id()).into_iter().collect();
        if name.1.is_multiple_of(REPEAT_EVERY) && write.outcome == WriteOutcome::Acknowledged {
            let (_, again) = self.settle("POST /tasks", send, is_done).await;
            ids.extend(again.and_then(|answer| answer.id()));
            self.history().repeats += 1;
        }
        let item = Item {
            create: write,
            delete: None,
            ids,
        };
        self.history().items.insert(name, item);
    }

    /// Deletes an item, repeating the request until its outcome is known. A 404 counts as a success,
    /// because an earlier attempt may have deleted it.
    async fn delete(&self, name: ItemName) {
        let id = self
            .history()
            .items
            .get(&name)
            .and_then(|item| item.ids.first().copied());
        let Some(id) = id else { return };
        let path = format!("/tasks/{id}");
        let send = || self.client.send(Method::DELETE, &path, None, None);
        let is_done = |answer: &ApiAnswer| answer.is_success() || answer.status == 404;
        let (write, _) = self.settle("DELETE /tasks/…", send, is_done).await;
        if let Some(item) = self.history().items.get_mut(&name) {
            item.delete = Some(write);
        }
    }

    /// Repeats a request until it is done, for at most [`PATIENCE`]; then its outcome is unknown.
    async fn settle<F: Future<Output = Exchange>>(
        &self,
        request: &str,
        send: impl Fn() -> F,
        is_done: impl Fn(&ApiAnswer) -> bool,
    ) -> (WriteRecord, Option<ApiAnswer>) {
        let begin = self.client.now();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let exchange = send().await;
            let end = exchange.end;
            let write = |outcome, origin| WriteRecord {
                begin,
                end,
                outcome,
                origin,
            };
            match exchange.answer {
                Ok(answer) if is_done(&answer) => {
                    self.history().writes += 1;
                    let origin = answer.origin.clone();
                    return (write(WriteOutcome::Acknowledged, origin), Some(answer));
                }
                other if Instant::now() > deadline => {
                    let failure = failure(request, "", exchange.begin, end, &other);
                    let mut history = self.history();
                    history.writes += 1;
                    history.failed_writes.push(failure);
                    return (write(WriteOutcome::Unknown, Origin::default()), None);
                }
                _ => self.history().repeats += 1,
            }
            sleep(REPEAT_AFTER).await;
        }
    }
}

fn failure(
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

fn steps(every: Duration) -> tokio::time::Interval {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}
