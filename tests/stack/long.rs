//! What takes long: all instances replaced or killed, replicas cloned anew, and how much of the load
//! replicas take. Run by `make test-all`.

use crate::failures::REPLICAS;
use crate::order::{Counting, View};
use crate::stack::{INSTANCES, Stack, docker, run, wait_until};
use crate::traffic::Traffic;
use std::time::Duration;
use taskfleet::roles::verify::Pace;
use tokio::process::Command;
use tokio::time::{Instant, sleep, sleep_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_every_instance_by_a_new_build_costs_no_request() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let before = stack.instances().await;
    let mut restart = Command::new("scripts/restart");
    run(restart.envs(stack.variables())).await.unwrap();
    let after = stack.instances().await;
    assert!(after.len() == INSTANCES && after.is_disjoint(&before));
    traffic.is_spread_over(&after).await;
    let report = traffic.ends_clean("make restart").await;
    stack.record("every instance is replaced (make restart)", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_every_instance_in_turn_costs_no_request() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let all = stack.instances().await;
    for instance in &all {
        docker(&["restart", "--time", "0", instance], []).await;
        // Sooner than Docker's own health check finds it well, so that NGINX has met a failure of
        // each in a short time.
        wait_until("the instance is ready again", async || {
            let check = ["exec", instance, "taskfleet", "healthcheck"];
            run(Command::new("docker").args(check)).await.is_ok()
        })
        .await;
    }
    traffic.goes_on().await;
    traffic.is_spread_over(&all).await;
    let what = "SIGKILL of all instances, one after the other";
    let report = traffic.ends_clean(what).await;
    stack.record("every instance is killed in turn", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resetting_a_replica_costs_no_request() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let mut reset = Command::new("scripts/reset-replica");
    run(reset.env("N", "2").envs(stack.variables()))
        .await
        .unwrap();
    stack.replicas_serve(&traffic).await;
    let report = traffic.ends_clean("make reset-replica N=2").await;
    stack.record("a replica is wiped and cloned anew", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_can_no_longer_catch_up_clones_the_primary_anew() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    stack.compose(&["stop", REPLICAS[1]]).await;
    // From now on the primary keeps nothing for it.
    let drop = "SELECT pg_drop_replication_slot('replica_2')";
    stack.psql("postgres", drop).await;
    traffic.goes_on().await;
    stack.compose(&["start", REPLICAS[1]]).await;
    stack.replicas_serve(&traffic).await;
    let logs = stack.compose(&["logs", "--tail", "200", REPLICAS[1]]).await;
    let reason = "cloning the primary, because the primary has no slot for this replica";
    assert!(logs.contains(reason), "{logs}");
    let report = traffic.ends_clean("a replica without its slot").await;
    stack.record("a replica can no longer catch up", &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_serve_most_of_what_reaches_postgresql() {
    let stack = Stack::of_four().await;
    for service in REPLICAS {
        stack.healthy(service, 1).await;
    }
    // About one write in twenty requests.
    let pace = Pace {
        readers: 8,
        read_every: Duration::from_millis(20),
        creators: 1,
        write_every: Duration::from_millis(300),
    };
    let traffic = Traffic::start_at(&stack, pace).await;
    for _ in 0..3 {
        traffic.goes_on().await;
    }
    let report = traffic.ends_clean("1 write in 20").await;
    let (reads, writes) = (report.reads as f64, report.writes as f64);
    let from = |name: &str| {
        let served_from = report.served_from.iter();
        let counts = served_from.filter(|(source, _)| source.starts_with(name));
        counts.map(|(_, count)| *count).sum::<usize>() as f64
    };
    let share = from("replica") / (from("replica") + from("primary"));
    let written = writes / (reads + writes);
    println!("replicas served {share:.2} of the reads, with a share of {written:.3} writes");
    // On a slow machine more, which makes it harder for replicas to keep up.
    assert!(written > 0.04, "{written}");
    assert!(share >= 0.6, "{share}");
}

/// For a minute with both replicas, while one thing after the other fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_shows_less_than_an_earlier_one_while_parts_fail() {
    let stack = Stack::of_four().await;
    for service in REPLICAS {
        stack.healthy(service, 1).await;
    }
    let counting = Counting::start(&stack, View::Both).await;
    let end = Instant::now() + Duration::from_secs(60);
    let undisturbed = || sleep(Duration::from_secs(5));
    undisturbed().await;
    let instance = stack.instances().await.into_iter().next().unwrap();
    docker(&["restart", "--time", "0", &instance], []).await;
    undisturbed().await;
    stack.compose(&["kill", "redis"]).await;
    undisturbed().await;
    stack.compose(&["start", "redis"]).await;
    undisturbed().await;
    stack.compose(&["pause", "redis"]).await;
    undisturbed().await;
    stack.compose(&["unpause", "redis"]).await;
    undisturbed().await;
    stack.compose(&["pause", REPLICAS[0]]).await;
    undisturbed().await;
    stack.compose(&["unpause", REPLICAS[0]]).await;
    sleep_until(end).await;
    let what = "an instance killed, Redis killed and paused, a replica paused";
    counting.ends_in_order(&stack, what).await;
    stack.settled(INSTANCES).await;
}
