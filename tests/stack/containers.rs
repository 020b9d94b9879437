//! What the containers may do, as Docker and the kernel say.

use crate::stack::{Stack, docker};
use serde_json::{Value, json};

/// What an image may add to its base.
const LIMIT: u64 = 120 * 1000 * 1000;
const SERVICES: [&str; 6] = [
    "nginx",
    "api",
    "postgres",
    "postgres-replica-1",
    "postgres-replica-2",
    "redis",
];

#[tokio::test]
async fn every_container_is_unprivileged_on_a_read_only_file_system() {
    let stack = Stack::of_four().await;
    for service in SERVICES {
        for container in stack.containers(service).await {
            let container = stack.inspect(&container.id).await;
            let user = container["Config"]["User"].as_str().unwrap();
            let host = &container["HostConfig"];
            assert!(!["", "0", "root"].contains(&user), "{service}: {user:?}");
            assert_eq!(host["ReadonlyRootfs"], true, "{service}");
            assert_eq!(host["Privileged"], false, "{service}");
            assert_eq!(host["CapDrop"], json!(["ALL"]), "{service}");
            assert!(host["CapAdd"].is_null(), "{service}: {host}");
            let options = host["SecurityOpt"].to_string();
            assert!(
                options.contains("no-new-privileges"),
                "{service}: {options}"
            );
            assert_eq!(
                container["State"]["Health"]["Status"], "healthy",
                "{service}"
            );
        }
    }
}

#[tokio::test]
async fn instance_process_has_no_capability() {
    let stack = Stack::of_four().await;
    for instance in stack.instances().await {
        let status = docker(&["exec", &instance, "cat", "/proc/1/status"], []).await;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {status}"))
                .trim()
        };
        assert!(value("Uid:").split_whitespace().all(|id| id != "0"));
        assert!(value("Gid:").split_whitespace().all(|id| id != "0"));
        for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(value(capabilities), "0000000000000000", "{capabilities}");
        }
        assert_eq!(value("NoNewPrivs:"), "1");
    }
}

#[tokio::test]
async fn image_has_a_healthcheck() {
    let stack = Stack::of_four().await;
    let image = stack.image().await;
    let check = &image["Config"]["Healthcheck"]["Test"];
    assert_eq!(*check, json!(["CMD", "taskfleet", "healthcheck"]));
}

#[tokio::test]
async fn only_nginx_publishes_a_port() {
    let stack = Stack::of_four().await;
    for service in SERVICES {
        for container in stack.containers(service).await {
            let container = stack.inspect(&container.id).await;
            let ports = container["NetworkSettings"]["Ports"].as_object().cloned();
            let ports = ports.unwrap_or_default();
            let published = ports.values().filter_map(Value::as_array).flatten();
            let published: Vec<_> = published.map(|port| port["HostPort"].as_str()).collect();
            let expected: Vec<_> = match service {
                "nginx" => vec![stack.url.rsplit(':').next()],
                _ => Vec::new(),
            };
            // Once more for IPv6 where the host has it.
            assert!(
                published.iter().all(|port| expected.contains(port)),
                "{service}: {ports:?}"
            );
            assert_eq!(published.is_empty(), expected.is_empty(), "{service}");
        }
    }
}

#[tokio::test]
async fn the_image_adds_less_than_120_mb_to_its_base() {
    let stack = Stack::of_four().await;
    let dockerfile = include_str!("../../Dockerfile");
    let mut bases = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "));
    let base = stack.inspect(bases.next_back().unwrap()).await;
    let image = stack.image().await;
    let (size, base) = (
        image["Size"].as_u64().unwrap(),
        base["Size"].as_u64().unwrap(),
    );
    println!("{} bytes beyond the base's {base}", size - base);
    assert!(size - base < LIMIT, "{size} - {base}");
}
