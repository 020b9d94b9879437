//! Instances come, go and die under load, and no client notices.

use crate::stack::{INSTANCES, Stack, docker, shares};
use crate::traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaling_from_4_to_6_to_2_to_4_costs_no_request_and_stays_even() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    for count in [6, 2, INSTANCES] {
        stack.scale(count).await;
        stack.healthy("api", count).await;
        traffic.is_spread_over(&stack.instances().await).await;
        println!("{count} instances answer, each with its share");
    }
    let report = traffic.ends_clean("scaling 4 → 6 → 2 → 4").await;
    stack.record("instances are added and removed", &report);
    stack.settled(INSTANCES).await;
    let answered = stack.tally("/tasks", 50 * INSTANCES).await;
    println!("afterwards: {answered:?}");
    assert_eq!(answered, shares(&stack.instances().await, 50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_requests_in_flight_and_exits_with_0() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let all = stack.instances().await;
    for stopped in all.iter().take(stack.rounds) {
        docker(&["stop", stopped], []).await;
        let state = stack.inspect(stopped).await["State"].clone();
        assert_eq!(state["ExitCode"], 0, "{state}");
        assert_eq!(state["OOMKilled"], false, "{state}");
        let rest = all.iter().filter(|one| *one != stopped).cloned();
        traffic.is_spread_over(&rest.collect()).await;
        docker(&["start", stopped], []).await;
        stack.healthy("api", INSTANCES).await;
        traffic.is_spread_over(&all).await;
    }
    let report = traffic.ends_clean("SIGTERM to an instance").await;
    stack.record("an instance is stopped gracefully", &report);
    let (lines, _) = stack.log("api").await;
    let errors = lines.iter().filter(|line| line["level"] == "ERROR");
    let errors: Vec<_> = errors.collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_an_instance_costs_no_request() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    let all = stack.instances().await;
    for killed in all.iter().take(stack.rounds) {
        docker(&["kill", "--signal", "KILL", killed], []).await;
        let rest = all.iter().filter(|one| *one != killed).cloned();
        traffic.is_spread_over(&rest.collect()).await;
        // Where the engine's restart policy has not done it already.
        docker(&["start", killed], []).await;
        stack.healthy("api", INSTANCES).await;
        traffic.is_spread_over(&all).await;
    }
    let report = traffic.ends_clean("SIGKILL of an instance").await;
    stack.record("an instance is killed", &report);
}
