//! Signals, and the way out: no request is lost because an instance ends.

use crate::state::Instance;
use actix_web::dev::ServerHandle;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or SIGINT and then ends the server.
///
/// After SIGTERM, answers carry `Connection: close` for `drain`, so that NGINX lets go of its
/// connections, and `/health/ready` says 503; then the listener closes and what is in flight is
/// finished. SIGINT, from a person at a terminal, skips the drain.
pub async fn on_signal(
    instance: Arc<Instance>,
    server: ServerHandle,
    drain: Duration,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain = tokio::select! {
        _ = terminate.recv() => drain,
        _ = interrupt.recv() => Duration::ZERO,
    };
    instance.drain();
    log::info!(
        "ending: draining for {} ms, then finishing what is in flight",
        drain.as_millis()
    );
    tokio::time::sleep(drain).await;
    server.stop(true).await;
    Ok(())
}
