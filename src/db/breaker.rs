//! A breaker (as in Nygard, "Release It!"): while the primary is known to be silent, requests to it fail
//! at once instead of each waiting for its time limit.

use super::connection::within;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// A request that takes longer has the primary probed.
const LONG: Duration = Duration::from_secs(1);
/// A primary that takes longer to accept a connection is silent; one that is overloaded takes its time.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause after each probe.
const PROBE_EVERY: Duration = Duration::from_millis(200);

/// The breaker of a process.
///
/// It opens where a probe gets no answer, and closes where one does. What requests went through only
/// causes a probe: that one of them took its time may be the doing of a lock or of their number.
pub(super) struct Breaker {
    primary: PgConnectOptions,
    is_open: AtomicBool,
    probe_requested: Notify,
}

impl Breaker {
    /// A closed breaker of connections to this primary.
    pub(super) fn new(primary: PgConnectOptions) -> Self {
        Self {
            primary,
            is_open: AtomicBool::new(false),
            probe_requested: Notify::new(),
        }
    }

    /// Begins a request to the primary; an error while the breaker is open.
    pub(super) fn enter(&self) -> sqlx::Result<Passage<'_>> {
        if self.is_open.load(Ordering::Acquire) {
            let silent = "the primary does not answer at the moment";
            let error = io::Error::new(io::ErrorKind::NotConnected, silent);
            return Err(sqlx::Error::Io(error));
        }
        Ok(Passage {
            breaker: self,
            begun: Instant::now(),
        })
    }

    /// Has the primary probed.
    pub(super) fn suspect(&self) {
        self.probe_requested.notify_one();
    }

    /// Probes the primary whenever it is suspected, for ever.
    pub(super) async fn keep_probing(self: Arc<Self>) {
        loop {
            self.probe_requested.notified().await;
            while let Err(error) = self.probe().await {
                if !self.is_open.swap(true, Ordering::AcqRel) {
                    log::warn!("the primary does not answer, requests fail at once: {error}");
                }
                sleep(PROBE_EVERY).await;
            }
            if self.is_open.swap(false, Ordering::AcqRel) {
                log::info!("the primary answers again");
            }
            sleep(PROBE_EVERY).await;
        }
    }

    /// An error where the primary is silent. One that refuses a connection, because it has too many or is
    /// starting, has answered, as it will answer requests.
    async fn probe(&self) -> sqlx::Result<()> {
        let probe = async {
            let connection: PgConnection = self.primary.connect().await?;
            connection.close().await
        };
        match within(PROBE_TIMEOUT, probe).await {
            Err(sqlx::Error::Database(_)) => Ok(()),
            result => result,
        }
    }
}

/// A request to the primary, until it is dropped: it ended, or its time did.
pub(super) struct Passage<'a> {
    breaker: &'a Breaker,
    begun: Instant,
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.begun.elapsed() >= LONG {
            self.breaker.suspect();
        }
    }
}
