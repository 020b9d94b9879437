//! The composed system: its containers, what they log, and waiting for them.

use crate::http::{Answer, client, send};
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};
use taskfleet::roles::verify::Report;
use taskfleet::roles::verify::check::Anomaly;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{sleep, timeout};

/// How many instances there are where a test does not say otherwise.
pub const INSTANCES: usize = 4;

/// What runs beside them, one of each.
const SERVICES: [&str; 5] = [
    "nginx",
    "postgres",
    "postgres-replica-1",
    "postgres-replica-2",
    "redis",
];

/// Held by the test that uses the system.
static TURN: Mutex<()> = Mutex::const_new(());

/// The composed system, for one test.
pub struct Stack {
    /// Where NGINX listens on this host.
    pub url: String,
    /// A client that unpacks nothing by itself.
    pub client: Client,
    /// Since when this test has had the system.
    pub since: DateTime<Utc>,
    /// How often a test makes its fault happen.
    pub rounds: usize,
    project: String,
    begun: Instant,
    _turn: MutexGuard<'static, ()>,
}

/// A container, as `docker ps` shows it.
#[derive(Debug)]
pub struct Container {
    /// Its short id, by which instances name themselves.
    pub id: String,
    /// `running`, `exited`, `paused`, …
    state: String,
    /// `Up 3 seconds (healthy)`, …
    status: String,
}

impl Container {
    /// Whether its health check says that it is well.
    pub fn is_healthy(&self) -> bool {
        self.state == "running" && self.status.ends_with("(healthy)")
    }
}

/// The value of a variable that scripts/stack-test sets.
pub fn setting(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `make stack-test` runs these tests"))
}

/// Adds a line to a file that scripts/stack-test prints.
fn append(setting_of_file: &str, line: &str) {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(setting(setting_of_file));
    file.unwrap().write_all(line.as_bytes()).unwrap();
}

/// Runs a command in the project's root and returns what it printed, or why it failed.
pub async fn run(command: &mut Command) -> Result<String, String> {
    let name = format!("{:?}", command.as_std());
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(150), output)
        .await
        .unwrap_or_else(|_| panic!("{name} does not end"))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{name} failed, {}: {said}", output.status))
    }
}

/// Waits until a condition holds, and fails where it does not within a generous deadline.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

impl Stack {
    /// The system with four healthy instances, all of which NGINX knows.
    pub async fn of_four() -> Self {
        let turn = TURN.lock().await;
        let stack = Self {
            url: setting("STACK_URL"),
            client: client(),
            since: Utc::now(),
            rounds: setting("STACK_ROUNDS").parse().unwrap(),
            begun: Instant::now(),
            project: setting("STACK_PROJECT"),
            _turn: turn,
        };
        // Where a test before this one failed midway.
        let services = stack.containers("").await;
        if services.iter().any(|container| container.state == "paused") {
            stack.compose(&["unpause"]).await;
        }
        if services.iter().filter(|one| one.is_healthy()).count() != INSTANCES + SERVICES.len() {
            stack.scale(INSTANCES).await;
        }
        for service in SERVICES {
            stack.healthy(service, 1).await;
        }
        stack.settled(INSTANCES).await;
        stack
    }

    /// The name of its project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Adds a line to the table of faults that scripts/stack-test prints at the end.
    pub fn record(&self, case: &str, report: &Report) {
        let stalest = report.stalest().map(|age| format!("{age:.1?}"));
        let line = format!(
            "{case}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.0?}\n",
            report.reads,
            report.writes,
            report.failed_reads.len(),
            report.failed_writes.len(),
            report.count(Anomaly::Lost),
            report.count(Anomaly::Duplicate),
            report.count(Anomaly::Stale),
            stalest.as_deref().unwrap_or("-"),
            report.slowest_read,
        );
        append("STACK_REPORT", &line);
    }

    /// `docker compose …`, which has to succeed.
    pub async fn compose(&self, arguments: &[&str]) -> String {
        run(Command::new("docker")
            .arg("compose")
            .args(arguments)
            .envs(self.variables()))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What Compose and the project's scripts must be told to mean this system; the name of its
    /// image stays as scripts/stack-test has set it.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        let port = self.url.rsplit(':').next().unwrap();
        [
            ("COMPOSE_PROJECT_NAME", &self.project),
            ("TASKFLEET_PORT", port),
        ]
    }

    /// Asks for this number of instances, in the way that the README gives to users.
    pub async fn scale(&self, instances: usize) {
        let scale = format!("api={instances}");
        self.compose(&["up", "-d", "--scale", &scale, "--no-recreate"])
            .await;
    }

    /// The containers of a service, ended ones too; all containers where it is "".
    pub async fn containers(&self, service: &str) -> Vec<Container> {
        let label = "label=com.docker.compose";
        let mut filters = vec![
            format!("{label}.project={}", self.project),
            format!("{label}.oneoff=False"),
        ];
        if !service.is_empty() {
            filters.push(format!("{label}.service={service}"));
        }
        let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
        let format = "{{.ID}}|{{.State}}|{{.Status}}";
        let list = docker(&["ps", "--all", "--format", format], filters).await;
        list.lines()
            .map(|line| {
                let mut parts = line.split('|').map(str::to_owned);
                let mut next = || parts.next().unwrap();
                let (id, state, status) = (next(), next(), next());
                Container { id, state, status }
            })
            .collect()
    }

    /// The id of the one container of a service.
    pub async fn container(&self, service: &str) -> String {
        let containers = self.containers(service).await;
        assert_eq!(containers.len(), 1, "{service}: {containers:?}");
        containers[0].id.clone()
    }

    /// The names of the instances.
    pub async fn instances(&self) -> BTreeSet<String> {
        let containers = self.containers("api").await;
        containers.into_iter().map(|one| one.id).collect()
    }

    /// Waits until a service has this number of containers, all of them healthy.
    pub async fn healthy(&self, service: &str, count: usize) {
        wait_until(&format!("{count} {service} are healthy"), async || {
            let containers = self.containers(service).await;
            containers.len() == count && containers.iter().all(Container::is_healthy)
        })
        .await;
    }

    /// Waits until there is this number of healthy instances and NGINX gives each the same share.
    pub async fn settled(&self, count: usize) {
        self.healthy("api", count).await;
        let even = shares(&self.instances().await, 3);
        wait_until("NGINX knows all instances", async || {
            self.tally("/health", 3 * count).await == even
        })
        .await;
    }

    /// How many of these reads each instance answered.
    pub async fn tally(&self, path: &str, reads: usize) -> BTreeMap<String, usize> {
        let mut answered = BTreeMap::new();
        for _ in 0..reads {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            *answered
                .entry(answer.header("x-instance").to_owned())
                .or_default() += 1;
        }
        answered
    }

    /// `docker inspect` of the image that the instances run.
    pub async fn image(&self) -> Value {
        let instances = self.instances().await;
        let container = self.inspect(instances.first().unwrap()).await;
        self.inspect(container["Image"].as_str().unwrap()).await
    }

    /// `docker inspect` of a container, an image, ….
    pub async fn inspect(&self, what: &str) -> Value {
        let text = docker(&["inspect", what], []).await;
        let all: Value = serde_json::from_str(&text).unwrap();
        all[0].clone()
    }

    /// The address of a container in the system's network.
    pub async fn address(&self, container: &str) -> String {
        let networks = &self.inspect(container).await["NetworkSettings"]["Networks"];
        let address = &networks[format!("{}_default", self.project)]["IPAddress"];
        address.as_str().unwrap().to_owned()
    }

    /// What a service has logged since this test began: its JSON lines and its others.
    pub async fn log(&self, service: &str) -> (Vec<Value>, Vec<String>) {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Micros, true);
        let logs = ["logs", "--no-log-prefix", "--no-color", "--since", &since];
        let text = self.compose(&[&logs[..], &[service]].concat()).await;
        let (mut objects, mut others) = (Vec::new(), Vec::new());
        for line in text.lines() {
            match serde_json::from_str(line) {
                Ok(object) => objects.push(object),
                Err(_) => others.push(line.to_owned()),
            }
        }
        (objects, others)
    }

    /// The JSON lines of a service about requests whose id begins like this, once there are as many
    /// as expected.
    pub async fn log_of(&self, service: &str, ids: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (mut lines, _) = self.log(service).await;
            lines.retain(|line| {
                let id = line["requestId"].as_str();
                line["status"].is_u64() && id.is_some_and(|id| id.starts_with(ids))
            });
            if lines.len() >= count || Instant::now() > deadline {
                assert_eq!(lines.len(), count, "lines of {service} about {ids}…");
                return lines;
            }
        }
    }

    /// A request, to be sent with [`send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Creates a user and returns its id.
    pub async fn create_user(&self, name: &str) -> i64 {
        let email = format!("{}@example.com", uuid::Uuid::new_v4().simple());
        let user = json!({"name": name, "email": email, "password": "correct horse"});
        id(&self.post("/users", &user).await.data(201))
    }

    /// Creates a category and returns its id.
    pub async fn create_category(&self, name: &str) -> i64 {
        let category = json!({"name": name});
        id(&self.post("/categories", &category).await.data(201))
    }

    /// Creates a task and returns its id.
    pub async fn create_task(&self, title: &str, user: i64, category: Option<i64>) -> i64 {
        let task = json!({"title": title, "userId": user, "categoryId": category});
        id(&self.post("/tasks", &task).await.data(201))
    }

    /// Removes what a test has made.
    pub async fn remove(&self, paths: impl IntoIterator<Item = String>) {
        for path in paths {
            self.delete(&path).await.json(200);
        }
    }
}

impl Drop for Stack {
    /// The test is over: writes down how long it took, which stable Rust's own tests do not tell.
    fn drop(&mut self) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("?");
        let failed = if std::thread::panicking() {
            "failed"
        } else {
            ""
        };
        let seconds = self.begun.elapsed().as_secs_f64();
        append("STACK_TIMES", &format!("{test}\t{seconds:.1}\t{failed}\n"));
    }
}

/// The id of a thing.
pub fn id(data: &Value) -> i64 {
    data["id"].as_i64().unwrap()
}

/// The same share for each of these.
pub fn shares(instances: &BTreeSet<String>, share: usize) -> BTreeMap<String, usize> {
    let instances = instances.iter().cloned();
    instances.map(|instance| (instance, share)).collect()
}

/// `docker …`, which has to succeed.
pub async fn docker<'a>(arguments: &[&'a str], more: impl IntoIterator<Item = &'a str>) -> String {
    run(Command::new("docker").args(arguments).args(more))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}
