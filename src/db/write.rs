//! Transactions that write: begun, noted, marked and committed.

use super::attempts::{self, Attempt, Begun};
use super::connection::within;
use super::error::DbError;
use super::router::Router;
use crate::domain::scope::{Changed, Scopes};
use crate::domain::transaction::Transaction;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::cell::Cell;

impl Router {
    /// Runs statements that write, in one transaction on the primary, and commits it.
    ///
    /// The statements get the id for the resource that the attempt creates; `None` where none was asked
    /// for. Between them and the commit, `leave_mark` is told the transaction and the scopes that it changes,
    /// if it changes any; its result is returned with theirs.
    ///
    /// Nothing is begun ([`DbError::ClientDisconnected`]) where `client_disconnected` returns true once
    /// there is a connection. Statements that lost a deadlock, or their connection, are run once more, in
    /// another transaction. An error means that nothing was written, except [`DbError::OutcomeUnknown`] and
    /// [`DbError::AlreadyDone`].
    pub async fn write<T, M>(
        &self,
        attempt: Option<&Attempt>,
        client_disconnected: impl Fn() -> bool,
        statements: impl AsyncFn(&mut PgConnection, Option<i64>) -> Result<Changed<T>, DbError>,
        leave_mark: impl AsyncFn(Transaction, &Scopes) -> M,
    ) -> Result<(Changed<T>, Option<M>), DbError> {
        let is_committing = Cell::new(false);
        // Whether the first run may have been committed.
        let is_first_unknown = Cell::new(false);
        let run = async || {
            self.primary()
                .run(async |connection| {
                    if client_disconnected() {
                        return Err(DbError::ClientDisconnected);
                    }
                    let history = connection.history()?;
                    let mut transaction = connection.begin().await?;
                    let done = async {
                        let begun = match attempt {
                            Some(attempt) => {
                                Some(attempts::begin(&mut transaction, attempt).await?)
                            }
                            None => None,
                        };
                        let new_id = begun.as_ref().and_then(|begun| begun.new_id);
                        let changed = statements(&mut transaction, new_id).await?;
                        if changed.scopes.is_empty() {
                            return Ok::<_, DbError>((changed, None));
                        }
                        let id = match begun {
                            Some(Begun { transaction_id, .. }) => transaction_id,
                            None => attempts::transaction_id(&mut transaction).await?,
                        };
                        let mark = leave_mark(Transaction { history, id }, &changed.scopes).await;
                        Ok((changed, Some(mark)))
                    };
                    match done.await {
                        Ok(done) => {
                            is_committing.set(true);
                            transaction.commit().await?;
                            Ok(done)
                        }
                        Err(error) => {
                            // Where this fails, the pool closes the connection; the first error tells
                            // more.
                            _ = transaction.rollback().await;
                            Err(error)
                        }
                    }
                })
                .await
        };
        let work = async {
            match run().await {
                Err(error) if may_run_again(&error, is_committing.get(), attempt.is_some()) => {
                    if error.is_lost_connection() {
                        self.primary().close_idle();
                        is_first_unknown.set(is_committing.get());
                    }
                    is_committing.set(false);
                    run().await
                }
                result => result,
            }
        };
        match within(self.write_limit(), work).await {
            // What the server said is known, and so is that nothing was done where it was not asked to
            // commit; but where the connection breaks during a commit, it may have been carried out.
            Err(DbError::Unavailable(error))
                if is_first_unknown.get() || (is_committing.get() && is_without_answer(&error)) =>
            {
                Err(DbError::OutcomeUnknown(Some(error)))
            }
            result => result,
        }
    }
}

/// Whether a transaction that ended with this error may be run again: it lost a deadlock, its process was
/// frozen for so long that the server ended it, or its connection broke. Where that was during the commit,
/// only as a try of a request, which finds out whether the first one was committed.
fn may_run_again(error: &DbError, is_committing: bool, is_attempt: bool) -> bool {
    error.is_deadlock()
        || error.is_idle_for_too_long()
        || (error.is_lost_connection() && (!is_committing || is_attempt))
}

/// Whether this error leaves open what became of a commit: the connection broke, or the server was shut
/// down, which it may say after the commit.
fn is_without_answer(error: &sqlx::Error) -> bool {
    error.as_database_error().is_none_or(|error| {
        error
            .code()
            .is_some_and(|code| ["57P01", "57P02", "57P03"].contains(&code.as_ref()))
    })
}
