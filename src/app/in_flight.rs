//! The writes of an instance that are under way, which a graceful shutdown waits for: one whose client
//! has left belongs to no connection that the server would wait for.

use std::sync::Arc;
use tokio::sync::watch;

/// The number of writes that are under way, from their first statement to their announcement.
#[derive(Debug, Default)]
pub(crate) struct WritesInFlight(watch::Sender<usize>);

impl WritesInFlight {
    /// Counts a write until the returned guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> WriteInFlight {
        self.0.send_modify(|count| *count += 1);
        WriteInFlight(Arc::clone(self))
    }

    /// Waits until no write is under way.
    pub(crate) async fn none(&self) {
        // The sender lives as long as this does, so this cannot fail.
        _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A write that is under way.
#[derive(Debug)]
pub(crate) struct WriteInFlight(Arc<WritesInFlight>);

impl Drop for WriteInFlight {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
