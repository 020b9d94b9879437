//! What NGINX adds, and what it passes on as it is.

use crate::http::{Answer, exchange_raw, send};
use crate::stack::{INSTANCES, Stack, docker};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

/// Larger than NGINX takes.
const HUGE: usize = 2 * 1024 * 1024;
/// Larger than an instance takes, though not than NGINX does.
const LARGE: usize = 128 * 1024;

const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'self'"),
];

impl Stack {
    async fn post_of(&self, bytes: usize) -> Answer {
        let request = self.request(Method::POST, "/tasks");
        let title = "x".repeat(bytes);
        send(request.json(&json!({"title": title, "userId": 1}))).await
    }
}

fn is_of_an_instance(answer: &Answer) -> bool {
    answer.maybe_header("x-instance").is_some()
}

#[tokio::test]
async fn body_over_the_limit_of_nginx_is_a_413_problem() {
    let stack = Stack::of_four().await;
    let answer = stack.post_of(HUGE).await;
    answer.problem(413);
    assert_eq!(answer.json(413)["code"], "content_too_large");
    assert!(!is_of_an_instance(&answer));
}

#[tokio::test]
async fn malformed_request_is_a_problem_of_nginx() {
    let stack = Stack::of_four().await;
    let long = "x".repeat(10_000);
    let long = long.as_str();
    for (request, status, code) in [
        (&["GET /tasks HTTP/1.1"][..], 400, "malformed_request"),
        (
            &["GET /tasks HTTP/1.1", "Host: a b"],
            400,
            "malformed_request",
        ),
        (&["nonsense"], 400, "malformed_request"),
        (
            &["GET / HTTP/7.0", "Host: a"],
            505,
            "http_version_not_supported",
        ),
        (
            &[&format!("GET /{long} HTTP/1.1"), "Host: a"],
            414,
            "uri_too_long",
        ),
        (
            &["GET /tasks HTTP/1.1", "Host: a", &format!("X-Long: {long}")],
            431,
            "headers_too_large",
        ),
        (
            &[
                "POST /tasks HTTP/1.1",
                "Host: a",
                "Transfer-Encoding: strange",
            ],
            501,
            "not_implemented",
        ),
    ] {
        let request = request.join("\r\n") + "\r\n\r\n";
        let answer = exchange_raw(&stack.url, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{answer}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert!(!head.contains("x-instance"), "{answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], status);
        assert_eq!(body["code"], code);
        assert_eq!(body["message"], body["detail"]);
        let id = body["requestId"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{answer}");
    }
}

#[tokio::test]
async fn trace_is_a_405_problem_of_nginx_with_allow() {
    let stack = Stack::of_four().await;
    let trace = stack.request(Method::TRACE, "/tasks");
    let answer = send(trace).await;
    answer.problem(405);
    assert_eq!(answer.json(405)["code"], "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST, PUT, DELETE");
    assert_security_headers(&answer);
    assert!(!is_of_an_instance(&answer));
    let taken = stack.get("/tasks").await;
    assert_eq!(taken.maybe_header("allow"), None);
}

#[tokio::test]
async fn without_an_instance_every_request_is_503_with_retry_after() {
    let stack = Stack::of_four().await;
    let user = stack.create_user("Ada").await;
    stack.compose(&["stop", "api"]).await;
    let task = json!({"title": "later", "userId": user});
    for request in [
        stack.request(Method::GET, "/tasks"),
        stack.request(Method::GET, "/docs/"),
        stack.request(Method::POST, "/tasks").json(&task),
        stack
            .request(Method::POST, "/tasks")
            .json(&task)
            .header("idempotency-key", "later"),
        stack.request(Method::PUT, "/tasks/1").json(&task),
        stack.request(Method::DELETE, "/tasks/1"),
    ] {
        let answer = send(request.header("x-request-id", "asked-4711")).await;
        answer.problem(503);
        assert_eq!(answer.json(503)["code"], "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("x-request-id"), "asked-4711");
        assert_security_headers(&answer);
        assert!(!is_of_an_instance(&answer));
    }
    stack.compose(&["start", "api"]).await;
    stack.settled(INSTANCES).await;
    let tasks = stack.get(&format!("/tasks?userId={user}")).await;
    assert_eq!(
        tasks.json(200)["total"],
        0,
        "a refused request was carried out"
    );
    stack.remove([format!("/users/{user}")]).await;
}

#[tokio::test]
async fn errors_of_an_instance_pass_nginx_unchanged() {
    let stack = Stack::of_four().await;
    let large = stack.post_of(LARGE).await;
    large.problem(413);
    let missing = stack.get("/tasks/9223372036854775807").await;
    assert!(missing.problem(404).contains("9223372036854775807"));
    let route = stack.get("/no/such/route").await;
    route.problem(404);
    let method = stack.delete("/tasks").await;
    method.problem(405);
    assert_eq!(method.header("allow"), "GET, HEAD, POST");
    let invalid = stack
        .post("/tasks", &json!({"title": "", "userId": 0}))
        .await;
    invalid.problem(400);
    let errors = invalid.json(400)["errors"].clone();
    assert_eq!(errors.as_array().map(Vec::len), Some(2), "{errors}");
    let request = stack.request(Method::POST, "/tasks").body("title=x");
    let kind = send(request.header("content-type", "text/plain")).await;
    kind.problem(415);
    for answer in [large, missing, route, method, invalid, kind] {
        assert!(is_of_an_instance(&answer), "{answer:?}");
        assert_security_headers(&answer);
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let stack = Stack::of_four().await;
    for path in ["/tasks", "/docs/", "/openapi.json", "/health", "/nowhere"] {
        assert_security_headers(&stack.get(path).await);
    }
    assert_security_headers(&stack.post_of(HUGE).await);
}

fn assert_security_headers(answer: &Answer) {
    for (name, value) in SECURITY_HEADERS {
        assert!(answer.header(name).starts_with(value), "{answer:?}");
        let times = answer.headers.get_all(name).iter().count();
        assert_eq!(times, 1, "{name} in {answer:?}");
    }
    let server = answer.maybe_header("server");
    assert!(server.is_none_or(|name| name == "nginx"), "{server:?}");
}

#[tokio::test]
async fn etag_of_a_compressed_answer_is_304_until_a_write() {
    let stack = Stack::of_four().await;
    let user = stack.create_user("Ada").await;
    let mut paths = Vec::new();
    for number in 0..10 {
        let title = format!("a task whose title is long enough, number {number}");
        let task = stack.create_task(&title, user, None).await;
        paths.push(format!("/tasks/{task}"));
    }
    let list = format!("/tasks?userId={user}");
    let get = async |etag: Option<&str>| {
        let mut request = stack.request(Method::GET, &list);
        request = request.header("accept-encoding", "gzip");
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        send(request).await
    };
    let full = get(None).await;
    assert_eq!(full.status, 200);
    assert_eq!(full.header("content-encoding"), "gzip");
    assert!(
        full.header("vary")
            .to_lowercase()
            .contains("accept-encoding")
    );
    assert_eq!(full.body.get(..2), Some(&[0x1f, 0x8b][..]), "not gzip");
    let plain = stack.get(&list).await;
    assert_eq!(plain.maybe_header("content-encoding"), None);
    assert!(full.body.len() < plain.body.len());
    let etag = full.header("etag");
    for _ in 0..2 * INSTANCES {
        for etag in [etag, plain.header("etag")] {
            let known = get(Some(etag)).await;
            assert_eq!(known.status, 304, "{known:?}");
            assert!(known.body.is_empty());
        }
    }
    let update = json!({"title": "updated"});
    stack.put(&paths[0], &update).await.json(200);
    let updated = get(Some(etag)).await;
    assert_eq!(updated.status, 200);
    assert_ne!(updated.header("etag"), etag);
    stack.remove(paths).await;
    stack.remove([format!("/users/{user}")]).await;
}

#[tokio::test]
async fn logs_name_the_client_of_nginx_and_no_forwarded_header_it_sent() {
    let stack = Stack::of_four().await;
    let id = format!("client-{}", uuid::Uuid::new_v4().simple());
    let request = stack.request(Method::GET, "/tasks");
    let request = request
        .header("x-request-id", &id)
        .header("x-forwarded-for", "203.0.113.7")
        .header("forwarded", "for=203.0.113.8")
        .header("x-real-ip", "203.0.113.9");
    send(request).await.json(200);
    let seen_by_nginx = stack.log_of("nginx", &id, 1).await[0]["client"].clone();
    let logged = stack.log_of("api", &id, 1).await[0]["client"].clone();
    assert_eq!(logged, seen_by_nginx);
    let nginx = stack.address(&stack.container("nginx").await).await;
    assert_ne!(logged, nginx);
}

#[tokio::test]
async fn valid_request_id_passes_nginx_and_others_are_replaced() {
    let stack = Stack::of_four().await;
    let valid = "01J9ZC3Q-retry_2.a:b/c+d=";
    for (given, kept) in [(valid, true), ("two words", false), ("\"quoted\"", false)] {
        let request = stack.request(Method::GET, "/tasks");
        let answer = send(request.header("x-request-id", given)).await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{answer:?}");
    }
    let (one, other) = (stack.get("/tasks").await, stack.get("/tasks").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn client_connection_is_kept_alive() {
    let stack = Stack::of_four().await;
    let one = "GET /tasks?limit=1 HTTP/1.1\r\nHost: a\r\n";
    let three = format!("{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n");
    let answers = exchange_raw(&stack.url, &three).await;
    let statuses = answers.matches("HTTP/1.1 200 OK\r\n").count();
    assert_eq!(statuses, 3, "{answers}");
}

#[tokio::test]
async fn connections_from_nginx_to_instances_are_kept_alive() {
    let stack = Stack::of_four().await;
    let nginx = stack.container("nginx").await;
    // Local ports of connections to port 3000 (0BB8) in any state, also just closed ones.
    let ports = async || -> BTreeSet<String> {
        let table = docker(&["exec", &nginx, "cat", "/proc/net/tcp"], []).await;
        let rows = table.lines().map(|line| line.split_whitespace());
        rows.filter_map(|mut row| {
            let local = row.nth(1)?.to_owned();
            row.next()?.ends_with(":0BB8").then_some(local)
        })
        .collect()
    };
    let before = ports().await;
    stack.tally("/tasks?limit=1", 200).await;
    let new = ports().await.difference(&before).count();
    println!(
        "{new} connections for 200 requests, {} before",
        before.len()
    );
    // One client on one connection is served by one of NGINX's processes.
    assert!(new <= INSTANCES, "{new} new connections");
}
