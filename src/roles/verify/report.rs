//! The report of a session: counts and anomalies, as text for a person.

use super::check::{Anomaly, Violation};
use super::history::{Failure, History, Moment};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The most operations of each kind of anomaly or failure that are shown.
const SHOWN: usize = 5;

/// The counts and anomalies of a session.
#[derive(Clone, Debug)]
pub struct Report {
    /// The length of the session.
    pub duration: Duration,
    /// The number of reads that were answered with a success.
    pub reads: usize,
    /// The number of writes.
    pub writes: u64,
    /// The number of requests that repeated an earlier one.
    pub repeats: u64,
    /// Reads that were not answered with a success.
    pub failed_reads: Vec<Failure>,
    /// Writes that were refused, or whose outcome is unknown.
    pub failed_writes: Vec<Failure>,
    /// The anomalies that were found.
    pub violations: Vec<Violation>,
    /// The number of reads by `X-Served-From`.
    pub served_from: BTreeMap<String, usize>,
    /// The number of reads by `X-Instance`.
    pub instances: BTreeMap<String, usize>,
    /// The duration of the slowest read that was answered with a success.
    pub slowest_read: Duration,
}

impl Report {
    /// The report on a history.
    pub fn new(history: &History, violations: Vec<Violation>, duration: Moment) -> Self {
        let (mut served_from, mut instances) = (BTreeMap::new(), BTreeMap::new());
        for read in &history.reads {
            for (counts, name) in [
                (&mut served_from, &read.origin.served_from),
                (&mut instances, &read.origin.instance),
            ] {
                let name = name.as_deref().unwrap_or("not said").to_owned();
                *counts.entry(name).or_default() += 1;
            }
        }
        let reads = history.reads.iter();
        Self {
            duration,
            reads: history.reads.len(),
            writes: history.writes,
            repeats: history.repeats,
            failed_reads: history.failed_reads.clone(),
            failed_writes: history.failed_writes.clone(),
            violations,
            served_from,
            instances,
            slowest_read: reads
                .map(|read| read.end.saturating_sub(read.begin))
                .max()
                .unwrap_or_default(),
        }
    }

    /// The number of anomalies of this kind.
    pub fn count(&self, anomaly: Anomaly) -> usize {
        let violations = self.violations.iter();
        violations
            .filter(|violation| violation.anomaly == anomaly)
            .count()
    }

    /// The greatest age of a stale read; `None` where no read was stale.
    pub fn stalest(&self) -> Option<Duration> {
        let ages = self.violations.iter().filter_map(|violation| violation.age);
        ages.max()
    }

    /// Whether there is no anomaly and no failed request.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.failed_reads.is_empty() && self.failed_writes.is_empty()
    }
}

/// A table of the counts, and below it the anomalies and failures.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |title: &str, value: String| writeln!(out, "  {title:<42} {value:>8}");
        row("reads", self.reads.to_string())?;
        row("writes", self.writes.to_string())?;
        row(
            "repeats under the same idempotency key",
            self.repeats.to_string(),
        )?;
        row("failed reads", self.failed_reads.len().to_string())?;
        row("failed writes", self.failed_writes.len().to_string())?;
        for anomaly in Anomaly::ALL {
            row(&anomaly.to_string(), self.count(anomaly).to_string())?;
        }
        if let Some(stalest) = self.stalest() {
            row("the stalest read, behind by", format!("{stalest:.0?}"))?;
        }
        row("the slowest read", format!("{:.0?}", self.slowest_read))?;
        for (source, count) in &self.served_from {
            row(&format!("reads served from {source}"), count.to_string())?;
        }
        for (instance, count) in &self.instances {
            row(&format!("reads answered by {instance}"), count.to_string())?;
        }
        for anomaly in Anomaly::ALL {
            let broken = self.violations.iter().filter(|one| one.anomaly == anomaly);
            show(
                out,
                &anomaly.to_string(),
                broken.map(|one| one.description.clone()),
            )?;
        }
        for (title, failures) in [
            ("failed reads", &self.failed_reads),
            ("failed writes", &self.failed_writes),
        ] {
            let lines = failures.iter().map(|failure| {
                let Failure {
                    begin,
                    duration,
                    description,
                } = failure;
                format!(
                    "{description}, sent at {:.3} s, after {duration:.0?}",
                    begin.as_secs_f64()
                )
            });
            show(out, title, lines)?;
        }
        Ok(())
    }
}

fn show(
    out: &mut fmt::Formatter<'_>,
    title: &str,
    lines: impl Iterator<Item = String>,
) -> fmt::Result {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}:")?;
    for line in lines.iter().take(SHOWN) {
        writeln!(out, "  {line}")?;
    }
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more"),
    }
}
