//! How NGINX passes requests on, in front of instances that are made up: which of them answer, refuse
//! or leave is up to the test. Only NGINX's configuration is that of the composed system.

use crate::http::{Answer, client, send};
use crate::stack::{docker, wait_until};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use uuid::Uuid;

/// Says which request this is: 32 hexadecimal digits.
const ATTEMPT: &str = "x-attempt-id";
/// What the application could answer where it has lost PostgreSQL.
const UNAVAILABLE: &str = r#"{"code":"unavailable","from":"an instance"}"#;
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
];

/// What an instance does with each request, after it has logged it.
#[derive(Clone, Copy)]
enum Instance {
    /// Answers with 200 and the attempt's id as a header.
    Answers,
    /// Says 503, as one does that has lost PostgreSQL.
    LostPostgres,
    /// Takes the request and closes the connection without an answer, as if it died.
    Dies,
    /// Is in DNS and accepts no connection.
    Gone,
}

impl Instance {
    /// The body of its `location`; `None` where it does not listen.
    fn directives(self) -> Option<String> {
        match self {
            Self::Answers => Some(format!(
                "add_header {ATTEMPT} $http_x_attempt_id; return 200 ok;"
            )),
            Self::LostPostgres => Some(format!(
                "default_type application/problem+json; return 503 '{UNAVAILABLE}';"
            )),
            Self::Dies => Some("return 444;".to_owned()),
            Self::Gone => None,
        }
    }

    /// Arguments of the command in its container.
    fn command(self) -> Vec<String> {
        let Some(directives) = self.directives() else {
            return vec!["sleep".to_owned(), "600".to_owned()];
        };
        let configuration = format!(
            "pid /tmp/pid; events {{}} http {{ \
             log_format attempt '$http_x_request_id $http_x_attempt_id'; \
             access_log /dev/stdout attempt; \
             server {{ listen 3000; location / {{ {directives} }} }} }}"
        );
        let run =
            r#"printf '%s' "$0" >/tmp/fake.conf && exec nginx -c /tmp/fake.conf -g 'daemon off;'"#;
        ["sh", "-c", run, &configuration]
            .map(str::to_owned)
            .to_vec()
    }
}

/// NGINX in front of made-up instances.
struct Proxy {
    name: String,
    instances: Vec<String>,
    url: String,
    client: Client,
}

impl Proxy {
    /// NGINX with the project's configuration in front of these, once it serves.
    async fn in_front_of(instances: &[Instance]) -> Self {
        let name = format!("taskfleet-passing-on-{}", Uuid::new_v4().simple());
        let mut proxy = Self {
            instances: Vec::new(),
            url: String::new(),
            client: client(),
            name,
        };
        let name = proxy.name.clone();
        docker(&["network", "create", &name], []).await;
        for (number, instance) in instances.iter().enumerate() {
            let container = format!("{name}-{number}");
            let place = ["--network", &name, "--network-alias", "api"];
            proxy.run(&container, &place, &instance.command()).await;
            proxy.instances.push(container);
        }
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/nginx:/etc/nginx:ro");
        let place = [
            "--network",
            &name,
            "--user",
            "101:101",
            "--volume",
            directory,
            "--publish",
            "127.0.0.1::8080",
        ];
        proxy.run(&name, &place, &[]).await;
        let port = docker(&["port", &name, "8080/tcp"], []).await;
        proxy.url = format!("http://{}", port.lines().next().unwrap());
        wait_until("NGINX and the instances answer", async || {
            let health = ["exec", &name, "curl", "-sf", "http://127.0.0.1:8081/"];
            let listen = instances
                .iter()
                .filter(|one| one.directives().is_some())
                .count();
            let mut up = 0;
            for container in &proxy.instances {
                let try_it = [
                    "exec",
                    container,
                    "curl",
                    "-s",
                    "-o",
                    "/dev/null",
                    "127.0.0.1:3000",
                ];
                // 52: an empty answer.
                up += usize::from(matches!(code(&try_it), Some(0 | 52)));
            }
            code(&health) == Some(0) && up == listen
        })
        .await;
        proxy
    }

    /// Starts a container of NGINX's image.
    async fn run(&self, container: &str, place: &[&str], command: &[String]) {
        let run = ["run", "--detach", "--init", "--name", container];
        let rest = place.iter().copied().chain(["nginx:1.30"]);
        docker(&run, rest.chain(command.iter().map(String::as_str))).await;
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.client
            .request(method.clone(), format!("{}{path}", self.url))
    }

    /// For each request whose id begins like this, the attempts that instances have logged.
    async fn attempts(&self, ids: &str) -> BTreeMap<String, Vec<String>> {
        let mut attempts = BTreeMap::<String, Vec<String>>::new();
        for container in &self.instances {
            for line in docker(&["logs", container], []).await.lines() {
                let Some((request, attempt)) = line.split_once(' ') else {
                    continue;
                };
                if request.starts_with(ids) {
                    let all = attempts.entry(request.to_owned()).or_default();
                    all.push(attempt.to_owned());
                }
            }
        }
        attempts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let containers = self.instances.iter().chain([&self.name]);
        let remove = ["rm", "--force", "--volumes"].map(str::to_owned);
        for arguments in [
            remove.iter().chain(containers).collect::<Vec<_>>(),
            [&"network".to_owned(), &"rm".to_owned(), &self.name].to_vec(),
        ] {
            let output = Command::new("docker").args(arguments).output();
            output.expect("docker removes what a test has made");
        }
    }
}

/// The exit code of `docker …`.
fn code(arguments: &[&str]) -> Option<i32> {
    let output = Command::new("docker").args(arguments).output();
    output.unwrap().status.code()
}

fn is_attempt(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Sends requests of each method, named after it, and returns the answers.
async fn send_each(proxy: &Proxy, marker: &str, rounds: usize) -> Vec<(Method, Answer)> {
    let mut answers = Vec::new();
    for round in 0..rounds {
        for method in METHODS {
            let id = format!("{marker}-{method}-{round}");
            let request = proxy
                .request(&method, "/tasks/1")
                .header("x-request-id", id);
            answers.push((method, send(request).await));
        }
    }
    answers
}

#[tokio::test]
async fn every_request_has_an_attempt_id_that_no_client_can_set() {
    let proxy = Proxy::in_front_of(&[Instance::Answers]).await;
    let mut seen = BTreeSet::new();
    for method in METHODS {
        for given in [None, Some("0123456789abcdef0123456789abcdef")] {
            let mut request = proxy.request(&method, "/tasks");
            if let Some(given) = given {
                request = request.header(ATTEMPT, given).header("x_attempt_id", given);
            }
            let answer = send(request.header("x-request-id", "the same")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let id = answer.header(ATTEMPT);
            assert!(is_attempt(id) && given != Some(id), "{answer:?}");
            assert!(seen.insert(id.to_owned()), "{id} comes twice");
        }
    }
}

#[tokio::test]
async fn writes_and_reads_are_passed_on_with_the_same_attempt_id_on_every_try() {
    let instances = [Instance::Dies, Instance::Dies, Instance::Answers];
    let proxy = Proxy::in_front_of(&instances).await;
    for (method, answer) in send_each(&proxy, "tries", 6).await {
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
    }
    let attempts = proxy.attempts("tries").await;
    assert_eq!(attempts.len(), 6 * METHODS.len());
    for (request, ids) in &attempts {
        assert!(is_attempt(&ids[0]), "{request}: {ids:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "{request}: {ids:?}");
    }
    let several = |method: &str| {
        let of_method = |request: &str| request.split('-').nth(1) == Some(method);
        let tried_again = attempts.iter().filter(|(_, ids)| ids.len() > 1);
        tried_again
            .filter(|(request, _)| of_method(request))
            .count()
    };
    for method in METHODS {
        assert!(several(method.as_str()) > 0, "{method} was never passed on");
    }
}

#[tokio::test]
async fn attempt_id_stays_the_same_where_all_of_it_starts_again() {
    // Three tries often meet none that answers.
    let mut instances = vec![Instance::Gone; 4];
    instances.extend([Instance::Dies, Instance::Answers]);
    let proxy = Proxy::in_front_of(&instances).await;
    for (method, answer) in send_each(&proxy, "rounds", 12).await {
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
    }
    for (request, ids) in proxy.attempts("rounds").await {
        assert!(is_attempt(&ids[0]), "{request}: {ids:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "{request}: {ids:?}");
    }
    wait_until(
        "NGINX has logged a read and a write that started again",
        async || {
            let log = docker(&["logs", &proxy.name], []).await;
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let again = lines.filter(|line: &Value| {
                let tries = line["upstreamAddr"].as_str();
                tries.is_some_and(|tries| tries.contains(" : "))
            });
            let methods: BTreeSet<_> = again.map(|line| line["method"].to_string()).collect();
            methods.contains("\"GET\"") && methods.contains("\"POST\"")
        },
    )
    .await;
}

#[tokio::test]
async fn reads_alone_are_passed_on_from_an_instance_that_says_503() {
    let proxy = Proxy::in_front_of(&[Instance::LostPostgres, Instance::Answers]).await;
    let mut refused = BTreeSet::new();
    for (method, answer) in send_each(&proxy, "refused", 6).await {
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{method}: {answer:?}");
            refused.insert(method.to_string());
        }
    }
    let writes = ["DELETE", "POST", "PUT"].map(str::to_owned);
    assert_eq!(refused, BTreeSet::from(writes));
}

#[tokio::test]
async fn where_every_instance_says_503_the_client_gets_that_answer() {
    let proxy = Proxy::in_front_of(&[Instance::LostPostgres; 4]).await;
    for (method, answer) in send_each(&proxy, "away", 2).await {
        assert_eq!(answer.status, 503, "{method}: {answer:?}");
        if method != Method::HEAD {
            assert_eq!(String::from_utf8_lossy(&answer.body), UNAVAILABLE);
        }
    }
}

#[tokio::test]
async fn write_that_no_instance_answered_is_502_only_where_it_must_not_be_repeated() {
    let proxy = Proxy::in_front_of(&[Instance::Dies; 3]).await;
    for (method, key, status, code) in [
        (Method::GET, None, 503, "unavailable"),
        (Method::PUT, None, 503, "unavailable"),
        (Method::DELETE, None, 503, "unavailable"),
        (Method::POST, Some("key"), 503, "unavailable"),
        (Method::POST, None, 502, "outcome_unknown"),
    ] {
        let mut request = proxy.request(&method, "/tasks");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = send(request).await;
        answer.problem(status);
        assert_eq!(answer.json(status)["code"], code, "{method} {key:?}");
    }
}
