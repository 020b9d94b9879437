//! The signals that ask a process to end.

use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// The signal that asked the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShutdownSignal {
    /// SIGTERM, which supervisors send.
    Terminate,
    /// SIGINT, which Ctrl-C in a terminal sends.
    Interrupt,
}

/// Waits for SIGTERM or SIGINT; an error where the process cannot handle signals.
pub(crate) async fn shutdown_signal() -> io::Result<ShutdownSignal> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => ShutdownSignal::Terminate,
        _ = interrupt.recv() => ShutdownSignal::Interrupt,
    })
}
