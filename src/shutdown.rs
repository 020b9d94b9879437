//! Signals, and the way out: no request is lost because an instance ends.

use crate::state::Instance;
use actix_web::dev::ServerHandle;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Who asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A supervisor: SIGTERM.
    Terminate,
    /// A person at a terminal: SIGINT.
    Interrupt,
}

/// Waits for SIGTERM or SIGINT.
pub async fn asked() -> io::Result<Asked> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => Asked::Terminate,
        _ = interrupt.recv() => Asked::Interrupt,
    })
}

/// Waits until it is asked to, and then ends the server.
///
/// After SIGTERM, answers carry `Connection: close` for `drain`, so that NGINX lets go of its
/// connections, and `/health/ready` says 503; then the listener closes and what is in flight is
/// finished. SIGINT skips the drain.
pub async fn on_signal(
    instance: Arc<Instance>,
    server: ServerHandle,
    drain: Duration,
) -> io::Result<()> {
    let drain = match asked().await? {
        Asked::Terminate => drain,
        Asked::Interrupt => Duration::ZERO,
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
