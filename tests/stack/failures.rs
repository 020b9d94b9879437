//! Parts of the system fail under load, one case each, and what clients may see of it.

use crate::stack::{INSTANCES, Stack, docker, wait_until};
use crate::traffic::Traffic;
use std::time::{Duration, Instant};
use taskfleet::roles::verify::Report;
use tokio::time::sleep;

/// The replicas' services.
pub const REPLICAS: [&str; 2] = ["postgres-replica-1", "postgres-replica-2"];
/// No client waits longer than this for an answer while the primary is away.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Stack {
    /// Waits until both replicas answer and have an even share of what reaches PostgreSQL.
    pub async fn replicas_serve(&self, traffic: &Traffic) {
        for service in REPLICAS {
            self.healthy(service, 1).await;
            let name = service.trim_start_matches("postgres-");
            traffic
                .sees(&format!("{name} serves"), 10, |read| {
                    read.origin.served_from.as_deref() == Some(name)
                })
                .await;
        }
    }

    pub async fn psql(&self, service: &str, sql: &str) -> String {
        let psql = [
            "exec",
            "-T",
            service,
            "psql",
            "-U",
            "taskfleet",
            "-qAtc",
            sql,
        ];
        self.compose(&psql).await
    }

    async fn redis_cli(&self, command: &[&str]) -> String {
        let cli = ["exec", "-T", "redis", "redis-cli"];
        self.compose(&[&cli, command].concat()).await
    }
}

/// Fails unless nothing was lost, nothing was made twice and nothing was stale.
fn assert_truthful(what: &str, report: &Report) {
    assert!(report.violations.is_empty(), "{what}:\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_instance_costs_no_request_and_makes_no_late_write() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let all = stack.instances().await;
    for frozen in all.iter().take(stack.rounds) {
        docker(&["kill", "--signal", "STOP", frozen], []).await;
        // Longer than NGINX waits for it, so that what it has is passed on to others.
        sleep(Duration::from_secs(8)).await;
        docker(&["kill", "--signal", "CONT", frozen], []).await;
        traffic.goes_on().await;
        traffic.is_spread_over(&all).await;
    }
    let report = traffic.ends_clean("an instance frozen for 8 s").await;
    stack.record("an instance is frozen and thaws", &report);
    stack.healthy("api", INSTANCES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloading_nginx_costs_no_request() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    for _ in 0..3 * stack.rounds {
        stack
            .compose(&["exec", "-T", "nginx", "nginx", "-s", "reload"])
            .await;
        traffic.goes_on().await;
    }
    let report = traffic.ends_clean("NGINX reloaded several times").await;
    stack.record("NGINX is reloaded", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_with_its_old_data_shows_nothing_old() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let each = |action: &str| {
        format!(
            "for _, key in ipairs(redis.call('KEYS', '*')) do {action} end return redis.status_reply('OK')"
        )
    };
    for _ in 0..stack.rounds {
        traffic.sees_cache("hit", 50).await;
        // What a snapshot would hold.
        let save =
            each("if key:sub(1, 4) ~= 'old:' then redis.call('COPY', key, 'old:' .. key) end");
        stack.redis_cli(&["EVAL", &save, "0"]).await;
        traffic.goes_on().await;
        // In one step, as clients see a restart: the old data is there and all connections are gone.
        let load = each(
            "if key:sub(1, 4) == 'old:' then redis.call('RENAME', key, key:sub(5)) \
             elseif redis.call('EXISTS', 'old:' .. key) == 0 then redis.call('DEL', key) end",
        );
        let restart = format!(
            "printf '%s\\n' MULTI \"EVAL \\\"{load}\\\" 0\" 'CLIENT KILL TYPE normal SKIPME yes' EXEC | redis-cli"
        );
        let said = stack
            .compose(&["exec", "-T", "redis", "sh", "-c", &restart])
            .await;
        assert!(!said.contains("ERR"), "{said}");
        traffic.goes_on().await;
    }
    let report = traffic.ends_clean("Redis back with old data").await;
    stack.record("Redis restarts with its old data", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    // Redis looks at its limit when a script starts, and not before each of its commands.
    let fill =
        "redis.call('SET', 'filler:' .. redis.call('INCR', 'filler'), string.rep('x', 1000000))";
    let said = stack.redis_cli(&["-r", "400", "EVAL", fill, "0"]).await;
    assert!(said.contains("OOM"), "{said}");
    for _ in 0..3 {
        traffic.goes_on().await;
    }
    let empty = "for number = 0, 400 do redis.call('UNLINK', 'filler:' .. number) end return 1";
    stack.redis_cli(&["EVAL", empty, "0"]).await;
    traffic.sees_cache("hit", 50).await;
    let report = traffic.ends_clean("Redis full").await;
    stack.record("Redis is full", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_cut_off_from_redis_alone_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let network = format!("{}_cache", stack.project());
    let traffic = Traffic::start(&stack).await;
    let all = stack.instances().await;
    for cut_off in all.iter().take(stack.rounds) {
        docker(&["network", "disconnect", &network, cut_off], []).await;
        traffic.sees_cache("bypass", 100).await;
        for _ in 0..2 {
            traffic.goes_on().await;
        }
        docker(&["network", "connect", &network, cut_off], []).await;
        wait_until("the instance uses Redis again", async || {
            let log = docker(&["logs", "--tail", "2000", cut_off], []).await;
            log.rfind("connected to Redis") > log.rfind("Redis is away")
        })
        .await;
        traffic.goes_on().await;
    }
    let report = traffic.ends_clean("an instance cut off from Redis").await;
    stack.record("an instance is cut off from Redis alone", &report);
    stack.settled(INSTANCES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_a_replica_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    stack.replicas_serve(&traffic).await;
    for killed in REPLICAS.into_iter().take(stack.rounds) {
        stack.compose(&["kill", killed]).await;
        traffic.goes_on().await;
        stack.compose(&["start", killed]).await;
        stack.replicas_serve(&traffic).await;
    }
    let report = traffic.ends_clean("a replica killed").await;
    stack.record("a replica is killed", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hangs_costs_no_request_and_shows_nothing_stale() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    stack.replicas_serve(&traffic).await;
    stack.compose(&["pause", REPLICAS[0]]).await;
    for _ in 0..2 {
        traffic.goes_on().await;
    }
    stack.compose(&["unpause", REPLICAS[0]]).await;
    stack.replicas_serve(&traffic).await;
    let report = traffic.ends_clean("a replica paused").await;
    stack.record("a replica hangs", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_do_not_replay_are_not_read_from() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    stack.replicas_serve(&traffic).await;
    for service in REPLICAS {
        stack.psql(service, "SELECT pg_wal_replay_pause()").await;
        wait_until("replay is paused", async || {
            let state = stack
                .psql(service, "SELECT pg_get_wal_replay_pause_state()")
                .await;
            state.trim() == "paused"
        })
        .await;
    }
    let is_of_replica = |read: &taskfleet::roles::verify::history::ReadRecord| {
        let source = read.origin.served_from.as_deref();
        source.is_some_and(|source| source.starts_with("replica"))
    };
    // From the first write on that they have not replayed.
    traffic.goes_on().await;
    let before = traffic.count(is_of_replica);
    for _ in 0..2 {
        traffic.goes_on().await;
    }
    assert_eq!(
        traffic.count(is_of_replica),
        before,
        "of replicas that are behind"
    );
    let resumed = Instant::now();
    for service in REPLICAS {
        stack.psql(service, "SELECT pg_wal_replay_resume()").await;
    }
    traffic.sees("replicas serve again", 1, is_of_replica).await;
    println!(
        "a replica served again {:.0?} after replay was resumed",
        resumed.elapsed()
    );
    stack.replicas_serve(&traffic).await;
    let report = traffic.ends_clean("replay paused on both replicas").await;
    stack.record("replay is paused on both replicas", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn primary_stopped_for_5_s_fails_only_requests_that_need_it() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    stack.replicas_serve(&traffic).await;
    // What a write was changing just then, only the primary can tell; the traffic changes no label.
    let (http, labels) = (
        reqwest::Client::builder().no_proxy().build().unwrap(),
        format!("{}/labels", stack.url),
    );
    for _ in 0..8 {
        http.get(&labels).send().await.unwrap();
    }
    stack.compose(&["stop", "postgres"]).await;
    let mut during = 0;
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let list = http.get(&labels).send().await.unwrap();
        assert_eq!(list.status(), 200, "a list that nobody is changing");
        during += 1;
        sleep(Duration::from_millis(20)).await;
    }
    stack.compose(&["start", "postgres"]).await;
    stack.healthy("postgres", 1).await;
    traffic.goes_on().await;
    stack.replicas_serve(&traffic).await;
    let report = traffic.ends("the primary stopped for 5 s").await;
    println!("{during} reads were answered without the primary");
    assert_truthful("the primary stopped for 5 s", &report);
    assert!(
        during > 100,
        "only {during} reads were answered from copies and replicas"
    );
    let failures = report.failed_reads.iter().chain(&report.failed_writes);
    for failure in failures {
        assert!(failure.description.contains(": 503 "), "{failure:?}");
        assert!(failure.duration < LONGEST_WAIT, "{failure:?}");
    }
    assert!(report.slowest_read < LONGEST_WAIT, "{report}");
    stack.record("the primary is stopped for 5 s", &report);
}
