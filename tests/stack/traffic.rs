//! Steady reads and writes through NGINX while something happens to the system, checked by the rules
//! of `taskfleet verify`.

use crate::stack::{Stack, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use taskfleet::roles::verify::history::{History, ReadRecord};
use taskfleet::roles::verify::{Pace, Report, Session};

/// Readers and writers at work.
pub struct Traffic {
    session: Session,
    pace: Pace,
}

impl Traffic {
    /// Begins to read and to write.
    pub async fn start(stack: &Stack) -> Self {
        Self::start_at(stack, Pace::default()).await
    }

    /// Begins to read and to write at this pace.
    pub async fn start_at(stack: &Stack, pace: Pace) -> Self {
        let session = Session::start(&stack.url, pace).await.unwrap();
        let traffic = Self { session, pace };
        traffic.goes_on().await;
        traffic
    }

    /// How many reads were answered so far for which this is true.
    pub fn count(&self, is_counted: impl Fn(&ReadRecord) -> bool) -> usize {
        let count =
            |history: &History| history.reads.iter().filter(|read| is_counted(read)).count();
        self.session.so_far(count)
    }

    fn counts(&self) -> (usize, u64) {
        self.session
            .so_far(|history| (history.reads.len(), history.writes))
    }

    /// Waits until a good number of reads and writes more have been answered.
    pub async fn goes_on(&self) {
        let (reads, writes) = self.counts();
        wait_until("traffic goes on", async || {
            let now = self.counts();
            now.0 >= reads + 300 && now.1 >= writes + 60
        })
        .await;
    }

    /// Waits until so many more reads are answered for which this is true.
    pub async fn sees(&self, what: &str, count: usize, is_seen: impl Fn(&ReadRecord) -> bool) {
        let before = self.count(&is_seen);
        wait_until(what, async || self.count(&is_seen) >= before + count).await;
    }

    /// Waits until so many more lists carry this `X-Cache`.
    pub async fn sees_cache(&self, cache_status: &str, count: usize) {
        let what = format!("X-Cache says {cache_status}");
        let is_seen = |read: &ReadRecord| read.origin.cache.as_deref() == Some(cache_status);
        self.sees(&what, count, is_seen).await;
    }

    /// Waits until exactly these instances answer, each with an even share.
    pub async fn is_spread_over(&self, instances: &BTreeSet<String>) {
        // A window may begin and end while requests are under way, and writes have their turns too.
        let tolerance = 2 * (self.pace.readers + self.pace.creators + 11);
        wait_until(&format!("{instances:?} have even shares"), async || {
            let (before, _) = self.counts();
            self.goes_on().await;
            let mut shares = BTreeMap::<String, usize>::new();
            self.session.so_far(|history| {
                for read in history.reads.iter().skip(before) {
                    let instance = read.origin.instance.clone().unwrap_or_default();
                    *shares.entry(instance).or_default() += 1;
                }
            });
            let (most, least) = (shares.values().max(), shares.values().min());
            shares.keys().eq(instances)
                && most.is_some_and(|most| least.is_some_and(|least| most - least <= tolerance))
        })
        .await;
    }

    /// Ends and prints what was found.
    pub async fn ends(self, what: &str) -> Report {
        let report = self.session.end().await.unwrap();
        println!("{what}:\n{report}");
        report
    }

    /// Ends, prints what was found and fails unless that is nothing.
    pub async fn ends_clean(self, what: &str) -> Report {
        let report = self.ends(what).await;
        assert!(report.is_clean(), "{what}:\n{report}");
        report
    }
}
