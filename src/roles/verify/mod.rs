//! `taskfleet verify`: whether a deployment keeps the promise, checked from outside.
//!
//! Writers and readers use the public API at once, and what they saw is searched for every
//! [`check::Anomaly`]. Each thing that is updated has one writer, so that its versions have one order;
//! what was acknowledged before a read began must be in its answer (a register with a single writer,
//! after Lamport, "On interprocess communication", 1986).

pub mod check;
mod client;
mod explain;
pub mod history;
mod linearizability;
#[cfg(test)]
mod planted;
pub mod report;
mod scratch;
pub mod session;
mod sight;
mod writers;

pub use report::Report;
pub use scratch::SetupError;
pub use session::{Pace, Session};

use crate::config::VerifySettings;
use crate::shutdown::shutdown_signal;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;
use tokio::time::{Instant, interval, timeout_at};

/// Checks a deployment for the duration in the settings, or until SIGTERM or SIGINT, and prints the
/// report on standard output; true where there was no anomaly and no failed request.
pub async fn run(settings: &VerifySettings) -> Result<bool, SetupError> {
    let session = Session::start(&settings.url, Pace::default()).await?;
    let bar = ProgressBar::new(settings.duration.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}") {
        bar.set_style(style);
    }
    let watch = async {
        let mut clock = interval(Duration::from_secs(1));
        loop {
            clock.tick().await;
            let (reads, writes) = session.so_far(|history| (history.reads.len(), history.writes));
            bar.set_message(format!("{reads} reads, {writes} writes"));
            bar.set_position(bar.elapsed().as_secs());
        }
    };
    let deadline = Instant::now() + settings.duration;
    tokio::select! {
        _ = timeout_at(deadline, watch) => {}
        // What was seen until then is checked all the same.
        _ = shutdown_signal() => {}
    }
    bar.finish_and_clear();
    let report = session.end().await?;
    println!("{} in {:.0?}\n\n{report}", settings.url, report.duration);
    println!(
        "{}",
        match (report.is_clean(), report.violations.is_empty()) {
            (true, _) => "Nothing is wrong.",
            (false, true) => "No rule was broken, but requests failed.",
            (false, false) => "The deployment does not keep the promise.",
        }
    );
    Ok(report.is_clean())
}
