//! `taskfleet verify`: whether a deployment keeps the promise, checked from outside.
//!
//! Writers and readers use the public API at once. What they write is a set of *registers*: the titles
//! of tasks that move between two users, the names of these users and of a category, the user of a task
//! that is given to one short-lived user after the other, and the existence of each task and user that
//! is created and deleted meanwhile. Each register has two writers (what is given away, created and
//! deleted has one), and no two writes write the same version, so that a read tells which write it saw.
//!
//! Every view of a register is a read of it, by whichever client: the resource itself, the lists by
//! user, by category and by search, the lists without a filter, and what a task embeds. A list that does
//! not show a task is a read too: it says that the task belongs to somebody else. `linearizability.rs`
//! asks of each register whether one order of all its operations explains every read, which finds stale
//! reads and reads that run backwards between clients; registers are checked one by one, because a
//! history is linearizable exactly if that of each object is (Herlihy and Wing, 1990). `explain.rs` names
//! the operations that a read contradicts, and `sight.rs` finds answers that contradict themselves: a
//! `total`, a thing that is shown twice, a task with another user than its version has.
//!
//! A write without an answer, or with an error as its answer, may take effect at any later time or
//! never. An idempotent one that is repeated until it is settled lasts from the first request to the
//! last answer.

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
mod workload;
mod writers;

pub use report::Report;
pub use scratch::SetupError;
pub use session::Session;
pub use workload::Pace;

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
