//! The one write path: is the client still there → transaction → statements → commit → announcement.
//!
//! It cannot be half used: what a transaction returned is locked into a [`Committed`], which gives it
//! out only for its announcement. A `Committed` that is dropped, because its request was, announces in
//! the background.

use super::in_flight::{WriteInFlight, WritesInFlight};
use crate::cache::Cache;
use crate::db::{Connection, DbError, Router};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, spawn_local};
use tokio::time::sleep;

/// Longer than PostgreSQL takes for a commit whose connection is gone (`statement_timeout` is 4 s).
const COMMIT_LIMIT: Duration = Duration::from_secs(5);

/// The writes of one worker.
#[derive(Clone)]
pub struct Writer {
    db: Rc<Router>,
    cache: Rc<Cache>,
    in_flight: Arc<WritesInFlight>,
}

impl Writer {
    /// A writer to this database, whose writes make these copies outdated.
    pub(crate) fn new(db: Rc<Router>, cache: Rc<Cache>, in_flight: Arc<WritesInFlight>) -> Self {
        Self {
            db,
            cache,
            in_flight,
        }
    }

    /// Runs statements that write, in one transaction on the primary, and commits.
    ///
    /// Nothing is begun ([`DbError::ClientDisconnected`]) where `client_disconnected` returns true once
    /// there is a connection to the primary. From the first statement on, all of it runs to its end or
    /// its deadline, also when this future is dropped. Statements that lost a deadlock are run once
    /// more.
    pub async fn write<T: 'static>(
        &self,
        client_disconnected: impl Fn() -> bool + 'static,
        statements: impl AsyncFn(&mut Connection) -> Result<T, DbError> + 'static,
    ) -> Result<Committed<T>, DbError> {
        let Self {
            db,
            cache,
            in_flight,
        } = self.clone();
        let write = spawn_local(async move {
            let in_flight = in_flight.begin();
            let result = db.write(client_disconnected, statements).await;
            if let Err(DbError::OutcomeUnknown(_)) = result {
                spawn_local(announce_unknown(Rc::clone(&cache)));
            }
            Ok(Committed {
                result: result?,
                announcement: Announcement {
                    cache,
                    in_flight: Some(in_flight),
                },
            })
        });
        write.await.unwrap_or_else(|error| Err(interrupted(error)))
    }
}

/// Announces a write that may have been made, or may still be: at once, and again when PostgreSQL has
/// ended every commit that was sent before. Its client was told to look, and must not find a list from
/// before.
async fn announce_unknown(cache: Rc<Cache>) {
    _ = cache.announce().await;
    sleep(COMMIT_LIMIT).await;
    _ = cache.announce().await;
}

/// A panic of the statements, or the end of the worker: nothing is known of the transaction.
fn interrupted(error: JoinError) -> DbError {
    let cause = std::io::Error::other(error);
    DbError::OutcomeUnknown(Some(cause.into()))
}

/// The result of a committed transaction, which comes out only for its announcement.
#[must_use = "a write may be acknowledged only after its announcement"]
pub struct Committed<T> {
    result: T,
    announcement: Announcement,
}

impl<T> Committed<T> {
    /// The result, once every read that starts from now on, on any instance, shows the write.
    ///
    /// An error ([`DbError::OutcomeUnknown`]) where the primary's position could not be learnt, so that
    /// a replica might not show the write: it must not be acknowledged. A Redis that is away is no
    /// error.
    pub async fn announce(self) -> Result<T, DbError> {
        self.announcement.run().await?;
        Ok(self.result)
    }

    /// This write and an earlier one as one, with the two results combined, so that one announcement
    /// makes both visible.
    pub(crate) fn after<U, V>(
        self,
        mut earlier: Committed<U>,
        combine: impl FnOnce(U, T) -> V,
    ) -> Committed<V> {
        earlier.announcement.in_flight = None;
        Committed {
            result: combine(earlier.result, self.result),
            announcement: self.announcement,
        }
    }

    /// The result, and whether it is announced: for a program that says so where it is not. An
    /// acknowledgement needs [`announce`](Self::announce).
    pub(crate) async fn announce_and_report(self) -> (T, bool) {
        let is_announced = self.announcement.run().await.is_ok();
        (self.result, is_announced)
    }

    /// The result without an announcement, for a write to rows that no list shows and no replica has to
    /// show.
    pub fn shown_by_no_list(mut self) -> T {
        self.announcement.in_flight = None;
        self.result
    }
}

/// An announcement, which is made at the latest when it is dropped.
struct Announcement {
    cache: Rc<Cache>,
    /// The write that is to be announced; `None` where it is, or needs not to be.
    in_flight: Option<WriteInFlight>,
}

impl Announcement {
    async fn run(mut self) -> Result<(), DbError> {
        // What is submitted here runs to its end also where this future is dropped.
        let announced = self.cache.announce();
        let _in_flight = self.in_flight.take();
        match announced.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(DbError::OutcomeUnknown(None)),
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            let announced = self.cache.announce();
            spawn_local(async move {
                _ = announced.await;
                drop(in_flight);
            });
        }
    }
}
