//! The primary as the cache asks it.

use super::peers::Peers;
use crate::cache::Primary;
use crate::db::Questions;
use std::sync::Arc;

/// The questions of a cache, asked over these connections; the cache uses Redis once this process hears
/// its peers.
pub fn primary(questions: &Questions, peers: &Arc<Peers>) -> Primary {
    let (position, running, in_progress) =
        (questions.clone(), questions.clone(), questions.clone());
    let peers = Arc::clone(peers);
    Primary {
        position: Box::new(move || {
            let questions = position.clone();
            Box::pin(async move { questions.position().await })
        }),
        running: Box::new(move || {
            let questions = running.clone();
            Box::pin(async move { questions.running().await })
        }),
        is_in_progress: Box::new(move |transaction| {
            let questions = in_progress.clone();
            Box::pin(async move { questions.is_in_progress(transaction).await })
        }),
        until_heard: Box::new(move || {
            let peers = Arc::clone(&peers);
            Box::pin(async move { peers.until_heard().await })
        }),
    }
}
