//! The one write path: is the client still there → transaction → statements → mark → commit → position →
//! raise → acknowledgement.
//!
//! It cannot be half used: what a transaction returned comes out only after its announcement. From the
//! first statement on, all of it runs to its end or its deadline, also when whoever asked for it has
//! gone.

use super::in_flight::WritesInFlight;
use super::peers::Peers;
use super::primary::primary;
use crate::cache::mark::{Mark, MarkId};
use crate::cache::{self, Announced, Cache, Links, Raise, Relayed, any};
use crate::config::CacheSettings;
use crate::db::attempts::Attempt;
use crate::db::{Connection, Database, DbError, Router};
use crate::domain::scope::{Changed, Scopes};
use crate::domain::transaction::Transaction;
use futures_util::FutureExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, spawn_local};
use tokio::time::{Instant, timeout, timeout_at};

/// What an announcement may take after a write that took all of its time: with it, a request's write ends
/// within 5 s, before NGINX gives up on it.
const ANNOUNCEMENT_LIMIT: Duration = Duration::from_millis(500);

/// What a step may take in Redis that this worker cannot take itself: with it, and with the time that Redis
/// has to answer, a transaction is idle for less than the server lets it be (2 s).
const HELP_LIMIT: Duration = Duration::from_millis(500);

/// The writes of one worker.
#[derive(Clone)]
pub struct Writer {
    db: Rc<Router>,
    cache: Rc<Cache>,
    peers: Arc<Peers>,
    in_flight: Arc<WritesInFlight>,
}

impl Writer {
    /// A writer to this database, whose writes make these copies outdated.
    pub(crate) fn new(
        db: Rc<Router>,
        cache: Rc<Cache>,
        peers: Arc<Peers>,
        in_flight: Arc<WritesInFlight>,
    ) -> Self {
        Self {
            db,
            cache,
            peers,
            in_flight,
        }
    }

    /// A writer of a program that serves nothing.
    pub(crate) fn alone(database: &Database, db: Router, settings: &CacheSettings) -> Self {
        let links = Arc::<Links>::default();
        let peers = Peers::start(
            database.settings(),
            database.questions(),
            Arc::clone(&links),
        );
        let primary = primary(db.questions(), &peers);
        let cache = Cache::start(settings, cache::bodies(0), links, primary);
        Self::new(Rc::new(db), Rc::new(cache), peers, Arc::default())
    }

    /// Runs statements that write, in one transaction on the primary, and announces what they changed:
    /// once this returns, every read that starts, on any instance, shows it.
    ///
    /// The statements get the id for the resource that the attempt creates. Nothing is begun
    /// ([`DbError::ClientDisconnected`]) where `client_disconnected` returns true once there is a
    /// connection to the primary. Statements that lost a deadlock are run once more. A Redis that is
    /// away is no error. [`DbError::OutcomeUnknown`] where the write may or may not be made, or is made and
    /// its announcement is not known to be through; whoever looks then is told the truth.
    pub async fn write<T: 'static>(
        &self,
        attempt: Option<Attempt>,
        client_disconnected: impl Fn() -> bool + 'static,
        statements: impl AsyncFn(&mut Connection, Option<i64>) -> Result<Changed<T>, DbError> + 'static,
    ) -> Result<T, DbError> {
        let writer = self.clone();
        let write = spawn_local(async move {
            let _in_flight = writer.in_flight.begin();
            writer.run(attempt, client_disconnected, statements).await
        });
        write.await.unwrap_or_else(|error| Err(interrupted(error)))
    }

    /// Makes everything outdated that was read before now, for a write that was made some other way; false
    /// where neither this process nor a peer reaches Redis within this time.
    pub async fn announce_everything(&self, limit: Duration) -> bool {
        // A new connection raises everything before it is trusted.
        if timeout(limit, self.cache.trusted()).await.is_ok() {
            return true;
        }
        let Some(position) = self.db.questions().position().await else {
            return false;
        };
        let raise = Raise {
            scopes: Scopes::Everything,
            mark: None,
        };
        self.have_done(&Relayed::Raise(raise, position)).await
    }

    async fn run<T>(
        &self,
        attempt: Option<Attempt>,
        client_disconnected: impl Fn() -> bool,
        statements: impl AsyncFn(&mut Connection, Option<i64>) -> Result<Changed<T>, DbError>,
    ) -> Result<T, DbError> {
        let deadline = Instant::now() + self.db.write_limit() + ANNOUNCEMENT_LIMIT;
        let leave_mark =
            async |transaction, scopes: &Scopes| self.leave_mark(transaction, scopes).await;
        let write = self.db.write(
            attempt.as_ref(),
            client_disconnected,
            statements,
            leave_mark,
        );
        let (Changed { value, scopes }, mark) = match write.await {
            Ok(done) => done,
            Err(error) => {
                if let DbError::AlreadyDone(_) = error {
                    // The first try may have died before its announcement.
                    let announcement = self.announce(Scopes::Everything, None);
                    timeout_at(deadline, announcement)
                        .await
                        .unwrap_or(Err(DbError::OutcomeUnknown(None)))?;
                }
                return Err(error);
            }
        };
        if let Some(mark) = mark {
            // What is late goes on without this: the mark is taken away only by the announcement.
            timeout_at(deadline, self.announce(scopes, Some(mark)))
                .await
                .unwrap_or(Err(DbError::OutcomeUnknown(None)))?;
        }
        Ok(value)
    }

    /// Leaves a mark that this transaction may be changing these scopes, and returns its id, also where it
    /// could be left nowhere: then nobody who reaches Redis can be asked, and those who do not serve no
    /// copies.
    async fn leave_mark(&self, transaction: Transaction, scopes: &Scopes) -> MarkId {
        let id = MarkId::random();
        let mark = Mark {
            scopes: scopes.clone(),
            transaction: Some(transaction),
        };
        if !self.cache.leave_mark(&id, &mark).await {
            self.have_done(&Relayed::Mark(id.clone(), mark)).await;
        }
        id
    }

    /// Has a step taken by another worker of this process or by a peer, whichever can sooner; false where none
    /// can: then this process serves no copies until it has a new connection.
    async fn have_done(&self, step: &Relayed) -> bool {
        let by_worker = self.cache.links().take(step);
        let by_peer = self.peers.ask(self.db.questions(), step);
        let done = any([by_worker.boxed_local(), by_peer.boxed_local()]);
        timeout(HELP_LIMIT, done).await.unwrap_or(false) || self.cache.links().refuse()
    }

    async fn announce(&self, scopes: Scopes, mark: Option<MarkId>) -> Result<(), DbError> {
        let raise = Raise { scopes, mark };
        match self.cache.announce(raise.clone()).await {
            Ok(Announced::Raised) => Ok(()),
            Ok(Announced::NotRaised(position)) => {
                // Where nobody can, the mark stays for those who see it, and everybody else has lost its
                // connection and raises everything before it trusts a new one.
                self.have_done(&Relayed::Raise(raise, position)).await;
                Ok(())
            }
            Ok(Announced::NoPosition) | Err(_) => Err(DbError::OutcomeUnknown(None)),
        }
    }
}

/// A panic of the statements, or the end of the worker: nothing is known of the transaction.
fn interrupted(error: JoinError) -> DbError {
    let cause = std::io::Error::other(error);
    DbError::OutcomeUnknown(Some(cause.into()))
}
