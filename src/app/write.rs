//! The one write path: is the client still there → transaction → statements → commit → announcement.
//!
//! It cannot be half used: what a transaction returned is locked into a [`Committed`], which gives it
//! out only for its announcement. A `Committed` that is dropped, because its request was, announces in
//! the background.

use crate::cache::Cache;
use crate::db::{Connection, DbError, Router};
use std::rc::Rc;
use tokio::task::{JoinError, spawn_local};

/// The writes of one worker.
#[derive(Clone)]
pub struct Writer {
    db: Rc<Router>,
    cache: Rc<Cache>,
}

impl Writer {
    /// A writer to this database, whose writes make these copies outdated.
    pub fn new(db: Rc<Router>, cache: Rc<Cache>) -> Self {
        Self { db, cache }
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
        let Self { db, cache } = self.clone();
        let write = spawn_local(async move {
            let result = db.write(client_disconnected, statements).await?;
            Ok(Committed {
                result,
                announcement: Announcement {
                    cache,
                    is_pending: true,
                },
            })
        });
        write.await.unwrap_or_else(|error| Err(interrupted(error)))
    }
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

    /// The result without an announcement, for a write to rows that no list shows and no replica has to
    /// show.
    pub fn shown_by_no_list(mut self) -> T {
        self.announcement.is_pending = false;
        self.result
    }
}

/// An announcement, which is made at the latest when it is dropped.
struct Announcement {
    cache: Rc<Cache>,
    is_pending: bool,
}

impl Announcement {
    async fn run(mut self) -> Result<(), DbError> {
        // What is submitted here runs to its end also where this future is dropped.
        let announced = self.cache.announce();
        self.is_pending = false;
        match announced.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(DbError::OutcomeUnknown(None)),
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if self.is_pending {
            drop(self.cache.announce());
        }
    }
}
