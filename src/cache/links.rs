//! The connections of all workers of a process: a process is cut off from Redis only when all of them
//! are.

use super::commands::Raise;
use super::connection::RedisConnection;
use super::relay::Relayed;
use crate::domain::log_position::LogPosition;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::time::timeout;

/// How long a step that a peer asks for may take, with its answer less than the peer waits.
const RELAY_LIMIT: Duration = Duration::from_millis(250);

/// The connections to Redis of all workers of a process.
#[derive(Default)]
pub struct Links(RwLock<Vec<Weak<RedisConnection>>>);

impl Links {
    pub(super) fn add(&self, connection: &Arc<RedisConnection>) {
        let mut links = self.0.write().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(connection));
    }

    fn connections(&self) -> Vec<Arc<RedisConnection>> {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter_map(Weak::upgrade).collect()
    }

    /// Raises over whichever connection can; false where none can.
    pub(super) async fn raise(&self, raises: &[Raise], position: LogPosition) -> bool {
        let connections = self.connections();
        any(connections.iter().map(|link| link.raise(raises, position))).await
    }

    /// Takes a step of a write over whichever connection can; false where none can.
    pub async fn take(&self, step: &Relayed) -> bool {
        match step {
            Relayed::Mark(id, mark) => {
                let connections = self.connections();
                any(connections.iter().map(|link| link.leave_mark(id, mark))).await
            }
            Relayed::Raise(raise, position) => {
                self.raise(std::slice::from_ref(raise), *position).await
            }
        }
    }

    /// Takes a step that a peer asks for. Where that is not possible, no connection of this process is open
    /// or trusted any more: the peer goes on without, and what it changes must not be served from copies.
    pub async fn carry_out(&self, step: &Relayed) -> bool {
        timeout(RELAY_LIMIT, self.take(step)).await.unwrap_or(false) || self.refuse()
    }

    /// Gives up every connection of this process, because something was asked for that it cannot do; always
    /// false.
    pub fn refuse(&self) -> bool {
        for connection in self.connections() {
            connection.give_up_current();
        }
        false
    }
}

/// Whether any of these is true; the others are dropped as soon as that is known.
pub async fn any(answers: impl IntoIterator<Item = impl Future<Output = bool>>) -> bool {
    let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
    while let Some(answer) = answers.next().await {
        if answer {
            return true;
        }
    }
    false
}
