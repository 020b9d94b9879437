//! Transactions that write: begun, noted, marked and committed.

use super::attempts::{self, Attempt, Begun};
use super::connection::within;
use super::error::DbError;
use super::router::Router;
use crate::domain::scope::{Changed, Scopes};
use crate::domain::transaction::Transaction;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

impl Router {
    /// Runs statements that write, in one transaction on the primary, and commits it.
    ///
    /// The statements get the id for the resource that the attempt creates; `None` where none was asked
    /// for. Between them and the commit, `leave_mark` is told the transaction and the scopes that it changes,
    /// if it changes any; its result is returned with theirs.
    ///
    /// Nothing is begun ([`DbError::ClientDisconnected`]) where `client_disconnected` returns true once
    /// there is a connection. Statements that lost a deadlock are run once more, in another
    /// transaction. An error means that nothing was written, except [`DbError::OutcomeUnknown`] and
    /// [`DbError::AlreadyDone`].
    pub async fn write<T, M>(
        &self,
        attempt: Option<&Attempt>,
        client_disconnected: impl Fn() -> bool,
        statements: impl AsyncFn(&mut PgConnection, Option<i64>) -> Result<Changed<T>, DbError>,
        leave_mark: impl AsyncFn(Transaction, &Scopes) -> M,
    ) -> Result<(Changed<T>, Option<M>), DbError> {
        let mut is_committing = false;
        let work = self.primary().run(async |connection| {
            let history = connection.history()?;
            if client_disconnected() {
                return Err(DbError::ClientDisconnected);
            }
            let mut is_retry = false;
            loop {
                let mut transaction = connection.begin().await?;
                let run = async {
                    let begun = match attempt {
                        Some(attempt) => Some(attempts::begin(&mut transaction, attempt).await?),
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
                match run.await {
                    Ok(done) => {
                        is_committing = true;
                        transaction.commit().await?;
                        return Ok(done);
                    }
                    Err(error) => {
                        // Where this fails, the pool closes the connection; the first error tells more.
                        let rolled_back = transaction.rollback().await;
                        if is_retry || !error.is_deadlock() || rolled_back.is_err() {
                            return Err(error);
                        }
                        is_retry = true;
                    }
                }
            }
        });
        match within(self.write_limit(), work).await {
            // What the server said is known, and so is that nothing was done where it was not asked to
            // commit; but where the connection breaks during a commit, it may have been carried out.
            Err(DbError::Unavailable(error)) if is_committing && is_without_answer(&error) => {
                Err(DbError::OutcomeUnknown(Some(error)))
            }
            result => result,
        }
    }
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
