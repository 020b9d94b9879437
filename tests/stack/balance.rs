//! Every instance takes its share, and the logs show it.

use crate::http::send;
use crate::stack::{INSTANCES, Stack, shares};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

const REQUESTS: usize = 200;

#[tokio::test]
async fn four_instances_take_exactly_even_shares_and_their_logs_show_it() {
    let stack = Stack::of_four().await;
    let instances = stack.instances().await;
    let run = format!("share-{}-", uuid::Uuid::new_v4().simple());
    let mut answered_by = BTreeMap::new();
    for number in 0..REQUESTS {
        let id = format!("{run}{number}");
        let mut request = stack.request(Method::GET, "/tasks?limit=1");
        if number % 3 == 0 {
            // The next one comes on a connection of its own, to any of NGINX's processes.
            request = request.header("connection", "close");
        }
        let answer = send(request.header("x-request-id", &id)).await;
        answer.json(200);
        assert_eq!(answer.header("x-request-id"), id);
        let cache = answer.header("x-cache").to_owned();
        answered_by.insert(id, (answer.header("x-instance").to_owned(), cache));
    }
    let even = shares(&instances, REQUESTS / INSTANCES);
    let count = |names: &mut dyn Iterator<Item = String>| {
        let mut counts = BTreeMap::new();
        for name in names {
            *counts.entry(name).or_insert(0) += 1;
        }
        counts
    };
    let answered = count(&mut answered_by.values().map(|(name, _)| name.clone()));
    println!("by X-Instance: {answered:?}");
    assert_eq!(answered, even);

    let lines = stack.log_of("api", &run, REQUESTS).await;
    let logged = count(&mut lines.iter().map(|line| text(line, "instance").to_owned()));
    println!("by the log:    {logged:?}");
    assert_eq!(logged, even);
    for line in &lines {
        let (instance, cache) = &answered_by[text(line, "requestId")];
        assert_eq!(text(line, "instance"), instance);
        assert_eq!(text(line, "cache"), cache);
        assert_eq!(text(line, "level"), "INFO");
        assert_eq!(text(line, "method"), "GET");
        assert_eq!(text(line, "route"), "/tasks");
        assert_eq!(text(line, "path"), "/tasks");
        assert_eq!(line["status"], 200);
        assert!(line["pid"].is_u64(), "{line}");
        assert!(line["durationMs"].as_f64().is_some_and(|ms| ms > 0.0));
        assert!(chrono::DateTime::parse_from_rfc3339(text(line, "time")).is_ok());
        assert!(text(line, "client").parse::<IpAddr>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn instances_log_nothing_but_json() {
    let stack = Stack::of_four().await;
    stack.get("/tasks").await.json(200);
    stack.get("/no/such/route").await.problem(404);
    let all = stack.compose(&["logs", "--no-log-prefix", "--no-color", "api"]);
    for line in all.await.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for field in ["time", "level", "instance", "message"] {
            assert!(!text(&line, field).is_empty(), "no {field}: {line}");
        }
    }
}

#[tokio::test]
async fn nginx_logs_json_with_upstream_address_and_times() {
    let stack = Stack::of_four().await;
    let run = format!("proxy-{}-", uuid::Uuid::new_v4().simple());
    let mut instances = BTreeMap::new();
    for instance in stack.instances().await {
        instances.insert(stack.address(&instance).await, instance);
    }
    let mut answered_by = BTreeMap::new();
    for number in 0..2 * INSTANCES {
        let id = format!("{run}{number}");
        let request = stack.request(Method::GET, "/tasks?limit=1");
        let answer = send(request.header("x-request-id", &id)).await;
        answered_by.insert(id, answer.header("x-instance").to_owned());
    }
    for line in stack.log_of("nginx", &run, 2 * INSTANCES).await {
        assert_eq!(text(&line, "method"), "GET");
        assert_eq!(text(&line, "uri"), "/tasks?limit=1");
        assert_eq!(line["status"], 200);
        assert_eq!(text(&line, "upstreamStatus"), "200");
        let (address, port) = text(&line, "upstreamAddr").rsplit_once(':').unwrap();
        assert_eq!(instances[address], answered_by[text(&line, "requestId")]);
        assert_eq!(port, "3000");
        for time in ["upstreamConnectTime", "upstreamResponseTime"] {
            assert!(text(&line, time).parse::<f64>().is_ok(), "{line}");
        }
        assert!(line["duration"].is_f64(), "{line}");
        assert!(line["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
        assert!(chrono::DateTime::parse_from_rfc3339(text(&line, "time")).is_ok());
        assert!(text(&line, "client").parse::<IpAddr>().is_ok(), "{line}");
    }
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    let value = line[field].as_str();
    value.unwrap_or_else(|| panic!("no {field} in {line}"))
}
