//! Questions for the primary, beside the statements of requests: how far its log has come, and what became
//! of transactions.

use super::connection::{ServerConnection, within};
use super::error::DbError;
use super::listener;
use super::pool::Pool;
use super::positions;
use crate::domain::log_position::LogPosition;
use crate::domain::transaction::Transaction;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// The time that the primary has to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A way to the primary that does not queue behind the writes that wait for the answers.
#[derive(Clone)]
pub struct Questions(Pool);

impl Questions {
    /// Questions over the connections of this pool.
    pub(super) fn new(pool: Pool) -> Self {
        Self(pool)
    }

    /// A log position after every commit that was visible before the question; `None` where the primary
    /// is out of reach.
    pub async fn position(&self) -> Option<LogPosition> {
        let question: Question<_> =
            |primary, ()| Box::pin(async move { Ok(positions::position(primary).await?) });
        self.ask((), question).await
    }

    /// The transactions that are in progress and had an id when this was asked; `None` where the primary
    /// is out of reach.
    ///
    /// By a snapshot, which tells what its own statement sees: a transaction that is in progress in one
    /// and not in a later one has ended, and what it committed is visible.
    pub async fn running(&self) -> Option<Vec<Transaction>> {
        let question: Question<_> = |primary, ()| {
            Box::pin(async move {
                let history = primary.history()?;
                // A snapshot leaves out what has begun after the last transaction that has ended by then: one
                // that begins and ends here makes it hold everything that began before.
                sqlx::query_scalar!("SELECT pg_current_xact_id()::text")
                    .fetch_one(&mut **primary)
                    .await?;
                let ids = sqlx::query_scalar!(
                    r#"SELECT id::text AS "id!" FROM pg_snapshot_xip(pg_current_snapshot()) AS id"#
                )
                .fetch_all(&mut **primary)
                .await?;
                let ids = ids.iter().filter_map(|id| id.parse().ok());
                Ok(ids.map(|id| Transaction { history, id }).collect())
            })
        };
        self.ask((), question).await
    }

    /// Whether this transaction is in progress: false as soon as its commit is visible, or where it was
    /// never made, or belongs to another history; `None` where the primary is out of reach.
    pub async fn is_in_progress(&self, transaction: Transaction) -> Option<bool> {
        let question: Question<_, Transaction> = |primary, transaction| {
            Box::pin(async move {
                if primary.history()? != transaction.history {
                    return Ok(false);
                }
                let id = transaction.id.to_string();
                let status = sqlx::query_scalar!("SELECT pg_xact_status($1::text::xid8)", id)
                    .fetch_one(&mut **primary)
                    .await;
                match status {
                    Ok(status) => Ok(status.as_deref() == Some("in progress")),
                    // invalid_parameter_value: the id lies in the future. A crash lost the transaction.
                    Err(sqlx::Error::Database(error))
                        if error.code().as_deref() == Some("22023") =>
                    {
                        Ok(false)
                    }
                    Err(error) => Err(error.into()),
                }
            })
        };
        self.ask(transaction, question).await
    }

    /// Sends a text to every process that [listens](super::listen), and returns the number of those but
    /// the one with this name; `None` where the primary is out of reach.
    pub async fn notify(&self, text: &str, name: &str) -> Option<usize> {
        let question: Question<_, (String, String)> = |primary, (text, name)| {
            Box::pin(async move { Ok(listener::notify(primary, &text, &name).await?) })
        };
        let parameters = (text.to_owned(), name.to_owned());
        self.ask(parameters, question).await
    }

    async fn ask<A, P: Clone>(&self, parameter: P, question: Question<A, P>) -> Option<A> {
        // Once more, because the connection may have broken while nobody asked: a write that was committed
        // should not be answered with a 503 for that.
        for is_last in [false, true] {
            let parameter = parameter.clone();
            let work = self
                .0
                .run(async move |primary| question(primary, parameter).await);
            match within(TIMEOUT, work).await {
                Ok(answer) => return Some(answer),
                // The breaker tells once that the primary is away.
                Err(error) if is_last => log::debug!("cannot ask the primary: {error}"),
                Err(_) => self.0.close_idle(),
            }
        }
        None
    }
}

/// A question with a parameter.
type Question<A, P = ()> =
    for<'c> fn(&'c mut ServerConnection, P) -> BoxFuture<'c, Result<A, DbError>>;
