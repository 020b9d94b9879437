//! The writers of a session: two of each register, the creators of items, and a host of short-lived
//! users.

use super::client::{ApiAnswer, Exchange};
use super::history::{ABSENT, HOST, Item, ItemName, Origin, WriteOutcome, WriteRecord};
use super::scratch::{Versioned, title_of};
use super::workload::{Workload, failure, steps};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The writers of each register.
pub(super) const WRITERS: usize = 2;
/// The number of newer items of the same creator that exist before an item is deleted.
const KEPT: u64 = 8;
/// How long a write whose outcome is unknown is repeated under its key.
const PATIENCE: Duration = Duration::from_secs(30);
const REPEAT_AFTER: Duration = Duration::from_millis(100);
/// Every so many items, a create that was acknowledged is repeated all the same.
const REPEAT_EVERY: u64 = 4;

/// The path of the resource of an item.
pub(super) fn path_of(name: ItemName, id: i64) -> String {
    match name {
        (HOST, _) => format!("/users/{id}"),
        _ => format!("/tasks/{id}"),
    }
}

impl Workload {
    /// Writes versions that no other writer of the register writes.
    pub(super) async fn keep_writing(self: Arc<Self>, register: usize, writer: usize) {
        let Some(Versioned { path, .. }) = self.versioned.get(register) else {
            return;
        };
        let mut clock = steps(self.pace.write_every);
        for version in (WRITERS + writer..).step_by(WRITERS) {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            let version = version as u64;
            let update = self.scratch.update(register, version);
            let class = self.scratch.class(register, version);
            let write = self.put(path, &update, writer, class).await;
            self.record(register, version, write);
        }
    }

    /// Creates a user, gives it the guest task, and deletes it, which leaves the task to nobody.
    pub(super) async fn keep_hosting(self: Arc<Self>) {
        let (guest, path) = (self.scratch.guest(), self.scratch.guest_path());
        let mut clock = steps(self.pace.write_every);
        for number in 0.. {
            if self.is_over() {
                return;
            }
            clock.tick().await;
            let Some(user) = self.create((HOST, number)).await else {
                continue;
            };
            let version = 2 * number + 1;
            let write = self.put(&path, &json!({"userId": user}), HOST, user).await;
            let is_given = write.outcome == WriteOutcome::Acknowledged;
            self.record(guest, version, write);
            clock.tick().await;
            let Some(mut write) = self.delete((HOST, number)).await else {
                return;
            };
            let is_known = write.outcome == WriteOutcome::Acknowledged;
            if !is_given {
                // Then it may not have taken the task from anybody.
                write.outcome = WriteOutcome::Unknown;
            }
            self.record(guest, version + 1, write);
            if !is_known {
                // Whom the task belongs to after the next update would not be known either.
                return;
            }
        }
    }

    /// Sends an update once.
    async fn put(&self, path: &str, update: &Value, writer: usize, class: i64) -> WriteRecord {
        let exchange = self.client.send(Method::PUT, path, Some(update), None);
        let Exchange { begin, end, answer } = exchange.await;
        let mut history = self.history();
        history.writes += 1;
        let (outcome, origin) = match answer {
            Ok(answer) if answer.is_success() => (WriteOutcome::Acknowledged, answer.origin),
            other => {
                let failure = failure("PUT", path, begin, end, &other);
                history.failed_writes.push(failure);
                let origin = other.map(|answer| answer.origin).unwrap_or_default();
                (WriteOutcome::Unknown, origin)
            }
        };
        WriteRecord {
            writer,
            class,
            begin,
            end,
            outcome,
            origin,
        }
    }

    fn record(&self, register: usize, version: u64, write: WriteRecord) {
        if let Some(register) = self.history().registers.get_mut(register) {
            register.writes.insert(version, write);
        }
    }

    /// Creates items and deletes the oldest of them.
    pub(super) async fn keep_creating(self: Arc<Self>, creator: usize) {
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
    async fn create(&self, name: ItemName) -> Option<i64> {
        let title = title_of(name);
        let (path, body) = match name {
            (HOST, number) => (
                "/users",
                self.scratch.user(&title, &format!("guest-{number}")),
            ),
            _ => ("/tasks", self.scratch.task(&title)),
        };
        let key = format!("{}-{}", self.scratch.marker, title.replace(' ', "-"));
        let send = || {
            self.client
                .send(Method::POST, path, Some(&body), Some(&key))
        };
        let is_done = |answer: &ApiAnswer| answer.is_success() && answer.id().is_some();
        let request = format!("POST {path}");
        let (write, answer) = self.settle(name.0, &request, send, is_done).await;
        let mut ids: BTreeSet<_> = answer.and_then(|answer| answer.id()).into_iter().collect();
        // A second user without the key would be refused for the email, for as long as it is repeated.
        let is_repeated = name.0 != HOST && name.1.is_multiple_of(REPEAT_EVERY);
        if is_repeated && write.outcome == WriteOutcome::Acknowledged {
            let (_, again) = self.settle(name.0, &request, send, is_done).await;
            ids.extend(again.and_then(|answer| answer.id()));
            self.history().repeats += 1;
        }
        let id = ids.first().copied();
        let item = Item {
            create: write,
            delete: None,
            ids,
        };
        self.history().items.insert(name, item);
        id
    }

    /// Deletes an item, repeating the request until its outcome is known. A 404 counts as a success,
    /// because an earlier attempt may have deleted it.
    async fn delete(&self, name: ItemName) -> Option<WriteRecord> {
        let id = self
            .history()
            .items
            .get(&name)
            .and_then(|item| item.ids.first().copied());
        let path = path_of(name, id?);
        let send = || self.client.send(Method::DELETE, &path, None, None);
        let is_done = |answer: &ApiAnswer| answer.is_success() || answer.status == 404;
        let (write, _) = self
            .settle(name.0, &format!("DELETE {path}"), send, is_done)
            .await;
        if let Some(item) = self.history().items.get_mut(&name) {
            item.delete = Some(write.clone());
        }
        Some(write)
    }

    /// Repeats a request until it is done, for at most [`PATIENCE`]; then its outcome is unknown.
    async fn settle<F: Future<Output = Exchange>>(
        &self,
        writer: usize,
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
                writer,
                class: ABSENT,
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
