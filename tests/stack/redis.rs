//! Redis dies, hangs and comes back, and no client notices but by X-Cache.

use crate::stack::{INSTANCES, Stack, wait_until};
use crate::traffic::Traffic;

impl Stack {
    /// Waits until every instance says this about itself and Redis; all of them stay ready.
    pub async fn all_ready_with(&self, status: &str) {
        wait_until(&format!("every instance says {status}"), async || {
            let mut all = true;
            for _ in 0..2 * INSTANCES {
                all &= self.get("/health/ready").await.json(200)["status"] == status;
            }
            all
        })
        .await;
    }

    async fn loses_and_regains_redis(&self, what: &str, lose: &[&str], regain: &[&str]) {
        self.all_ready_with("ok").await;
        let traffic = Traffic::start(self).await;
        traffic.sees_cache("hit", 20).await;
        for _ in 0..self.rounds {
            self.compose(lose).await;
            traffic.sees_cache("bypass", 20).await;
            traffic.goes_on().await;
            self.all_ready_with("degraded").await;
            self.compose(regain).await;
            self.all_ready_with("ok").await;
            traffic.sees_cache("hit", 20).await;
            traffic.goes_on().await;
        }
        let report = traffic.ends_clean(what).await;
        self.record(what, &report);
        self.healthy("redis", 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_redis_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let (lose, regain) = (["kill", "redis"], ["start", "redis"]);
    stack
        .loses_and_regains_redis("Redis is killed", &lose, &regain)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let (lose, regain) = (["pause", "redis"], ["unpause", "redis"]);
    stack
        .loses_and_regains_redis("Redis hangs", &lose, &regain)
        .await;
}
