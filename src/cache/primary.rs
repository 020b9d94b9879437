//! What the cache asks PostgreSQL's primary, as functions that whoever starts a cache gives it: the
//! cache itself speaks no SQL.

use crate::domain::log_position::LogPosition;
use crate::domain::transaction::Transaction;
use futures_util::future::BoxFuture;

/// A question without parameters; `None` where the primary is out of reach.
type Question<A> = Box<dyn Fn() -> BoxFuture<'static, Option<A>> + Send + Sync>;

/// The questions for the primary.
pub struct Primary {
    /// A log position after every commit that was visible before the question.
    pub position: Question<LogPosition>,
    /// The transactions that are in progress.
    pub running: Question<Vec<Transaction>>,
    /// Whether this transaction is in progress; false as soon as its commit is visible, or was never
    /// made.
    pub is_in_progress: Box<dyn Fn(Transaction) -> BoxFuture<'static, Option<bool>> + Send + Sync>,
    /// Ends as soon as this process hears what its peers ask of it. Before, it does not connect to Redis:
    /// what nobody can ask of it, it might serve outdated.
    pub until_heard: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}
