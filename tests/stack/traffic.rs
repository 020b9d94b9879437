//! Steady reads and writes through NGINX while something happens to the system, and an account of
//! them: not one may fail, and no read may show less than what was acknowledged before it began.

use crate::http::{Answer, client, try_send};
use crate::stack::{Stack, id, wait_until};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const READERS: usize = 6;
const CREATORS: usize = 2;
/// Each reader and each writer begins a request at most this often.
const READ_EVERY: Duration = Duration::from_millis(20);
const WRITE_EVERY: Duration = Duration::from_millis(60);

/// Readers and writers at work.
pub struct Traffic<'a> {
    stack: &'a Stack,
    world: Arc<World>,
    writes: bool,
    workers: JoinSet<()>,
}

/// What happened.
#[derive(Clone, Default)]
pub struct Account {
    pub reads: u64,
    pub writes: u64,
    /// By `X-Cache`, of those that have one.
    pub cache: BTreeMap<String, u64>,
    /// By `X-Instance`.
    pub instances: BTreeMap<String, u64>,
    pub failures: Vec<String>,
    pub stale: Vec<String>,
    slowest: Duration,
}

/// What the workers share.
struct World {
    url: String,
    client: Client,
    over: AtomicBool,
    account: Mutex<Account>,
    facts: Vec<Fact>,
    views: Vec<View>,
}

/// Something that one writer changes again and again, to `version 1`, `version 2`, ….
struct Fact {
    write: Write,
    acknowledged: AtomicU64,
}

enum Write {
    /// PUTs the version into this field.
    Update { path: String, field: &'static str },
    /// POSTs a task of this user without an idempotency key, and deletes the one before it.
    Replace { user: i64 },
}

/// An address that shows facts, and where in the answer it shows them.
struct View {
    path: String,
    shows: Vec<(usize, &'static str)>,
}

impl<'a> Traffic<'a> {
    /// Begins to read and to write.
    pub async fn start(stack: &'a Stack) -> Self {
        Self::start_with(stack, true).await
    }

    /// Begins to read only.
    pub async fn start_reading(stack: &'a Stack) -> Self {
        Self::start_with(stack, false).await
    }

    async fn start_with(stack: &'a Stack, writes: bool) -> Self {
        let marker = format!("traffic-{}", uuid::Uuid::new_v4().simple());
        let user = stack.create_user("version 0").await;
        let category = stack.create_category("version 0").await;
        let first = json!({"title": "version 0", "description": marker, "userId": user, "categoryId": category});
        let task = id(&stack.post("/tasks", &first).await.data(201));
        let update = |path: String, field| Write::Update { path, field };
        let mut facts = vec![
            update(format!("/tasks/{task}"), "title"),
            update(format!("/users/{user}"), "name"),
            update(format!("/categories/{category}"), "name"),
        ];
        let in_list = vec![
            (0, "/data/0/title"),
            (1, "/data/0/user/name"),
            (2, "/data/0/category/name"),
        ];
        let in_one = vec![
            (0, "/data/title"),
            (1, "/data/user/name"),
            (2, "/data/category/name"),
        ];
        let mut views = vec![
            (format!("/tasks?userId={user}"), in_list.clone()),
            (format!("/tasks?search={marker}"), in_list),
            (format!("/tasks/{task}"), in_one),
            (format!("/users/{user}"), vec![(1, "/data/name")]),
            (format!("/categories/{category}"), vec![(2, "/data/name")]),
        ];
        for _ in 0..CREATORS {
            let user = stack.create_user("creator").await;
            stack.create_task("version 0", user, None).await;
            let newest = format!("/tasks?userId={user}&limit=1");
            views.push((newest, vec![(facts.len(), "/data/0/title")]));
            facts.push(Write::Replace { user });
        }
        let fact = |write| Fact {
            write,
            acknowledged: AtomicU64::new(0),
        };
        let world = Arc::new(World {
            url: stack.url.clone(),
            client: client(),
            over: AtomicBool::new(false),
            account: Mutex::default(),
            facts: facts.into_iter().map(fact).collect(),
            views: views
                .into_iter()
                .map(|(path, shows)| View { path, shows })
                .collect(),
        });
        let mut workers = JoinSet::new();
        for reader in 0..READERS {
            workers.spawn(Arc::clone(&world).keep_reading(reader));
        }
        let writers = if writes { world.facts.len() } else { 0 };
        for fact in 0..writers {
            workers.spawn(Arc::clone(&world).keep_writing(fact));
        }
        let traffic = Self {
            stack,
            world,
            writes,
            workers,
        };
        traffic.goes_on().await;
        traffic
    }

    /// How many requests may be under way at once.
    pub fn concurrency(&self) -> usize {
        self.workers.len()
    }

    /// What has happened so far.
    pub fn so_far(&self) -> Account {
        self.world.account.lock().unwrap().clone()
    }

    /// Waits until a good number of reads and writes more have been answered.
    pub async fn goes_on(&self) {
        let before = self.so_far();
        wait_until("traffic goes on", async || {
            let now = self.so_far();
            now.reads >= before.reads + 300 && (!self.writes || now.writes >= before.writes + 60)
        })
        .await;
    }

    /// Waits until so many more answers carry this `X-Cache`.
    pub async fn sees(&self, outcome: &str, count: u64) {
        let number = |account: Account| account.cache.get(outcome).copied().unwrap_or_default();
        let before = number(self.so_far());
        wait_until(&format!("X-Cache says {outcome}"), async || {
            number(self.so_far()) >= before + count
        })
        .await;
    }

    /// Waits until exactly these instances answer, each with an even share.
    pub async fn is_spread_over(&self, instances: &BTreeSet<String>) {
        // A window may begin and end while requests are under way.
        let tolerance = self.concurrency() as u64;
        wait_until(&format!("{instances:?} have even shares"), async || {
            let before = self.so_far().instances;
            self.goes_on().await;
            let shares: BTreeMap<_, _> = self
                .so_far()
                .instances
                .into_iter()
                .map(|(name, now)| (before.get(&name).copied().unwrap_or_default(), (name, now)))
                .filter(|(before, (_, now))| now > before)
                .map(|(before, (name, now))| (name, now - before))
                .collect();
            let (most, least) = (shares.values().max(), shares.values().min());
            shares.keys().eq(instances)
                && most.is_some_and(|most| least.is_some_and(|least| most - least <= tolerance))
        })
        .await;
    }

    /// Ends, looks whether every create was carried out once, prints the account and fails unless
    /// it is clean.
    pub async fn ends_clean(mut self, what: &str) -> Account {
        self.world.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended.unwrap();
        }
        let mut account = self.so_far();
        for fact in &self.world.facts {
            if let Write::Replace { user } = fact.write {
                let acknowledged = fact.acknowledged.load(Ordering::Relaxed);
                let list = self.stack.get(&format!("/tasks?userId={user}")).await;
                let list = list.json(200);
                let newest = version(&list["data"][0]["title"]);
                if list["total"] != 1 || newest != Some(acknowledged) {
                    let failure =
                        format!("version {acknowledged} was to be left alone, but: {list}");
                    account.failures.push(failure);
                }
            }
        }
        println!("{what}: {account}");
        assert!(
            account.failures.is_empty() && account.stale.is_empty(),
            "{what}: {account}"
        );
        self.clean_up().await;
        account
    }

    async fn clean_up(&self) {
        for fact in &self.world.facts {
            let path = match &fact.write {
                Write::Update { path, .. } => path.clone(),
                Write::Replace { user } => {
                    let list = self.stack.get(&format!("/tasks?userId={user}")).await;
                    let task = id(&list.data(200)[0]);
                    self.stack.remove([format!("/tasks/{task}")]).await;
                    format!("/users/{user}")
                }
            };
            self.stack.remove([path]).await;
        }
    }
}

impl World {
    async fn keep_reading(self: Arc<Self>, first: usize) {
        let mut clock = steps(READ_EVERY);
        for view in self.views.iter().cycle().skip(first) {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            clock.tick().await;
            let acknowledged = |fact: usize| self.facts[fact].acknowledged.load(Ordering::SeqCst);
            let shows = view.shows.iter();
            let at_least: Vec<_> = shows
                .map(|&(fact, place)| (acknowledged(fact), place))
                .collect();
            let Some(answer) = self.exchange(Method::GET, &view.path, None).await else {
                continue;
            };
            let body = answer.json(200);
            for (acknowledged, place) in at_least {
                let shown = body.pointer(place).and_then(version);
                if shown.is_none_or(|shown| shown < acknowledged) {
                    let stale = format!(
                        "GET {} shows {shown:?} at {place} after {acknowledged} was acknowledged: {:?}",
                        view.path, answer.headers
                    );
                    self.account.lock().unwrap().stale.push(stale);
                }
            }
        }
    }

    async fn keep_writing(self: Arc<Self>, fact: usize) {
        let Fact {
            write,
            acknowledged,
        } = &self.facts[fact];
        let mut clock = steps(WRITE_EVERY);
        let mut last = None;
        if let Write::Replace { user } = write {
            let path = format!("/tasks?userId={user}");
            let list = self.exchange(Method::GET, &path, None).await;
            last = list.map(|list| id(&list.data(200)[0]));
        }
        for version in 1.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            clock.tick().await;
            let text = format!("version {version}");
            let answer = match write {
                Write::Update { path, field } => {
                    let change = json!({ *field: text });
                    self.exchange(Method::PUT, path, Some(change)).await
                }
                Write::Replace { user } => {
                    let task = json!({"title": text, "userId": user});
                    self.exchange(Method::POST, "/tasks", Some(task)).await
                }
            };
            let Some(answer) = answer else { continue };
            acknowledged.store(version, Ordering::SeqCst);
            if let Write::Replace { .. } = write
                && let Some(before) = last.replace(id(&answer.data(201)))
            {
                self.exchange(Method::DELETE, &format!("/tasks/{before}"), None)
                    .await;
            }
        }
    }

    /// Sends a request and accounts for it. Without an answer of success there is none.
    async fn exchange(&self, method: Method, path: &str, body: Option<Value>) -> Option<Answer> {
        let began = Instant::now();
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = try_send(request).await;
        let mut account = self.account.lock().unwrap();
        account.slowest = account.slowest.max(began.elapsed());
        match method {
            Method::GET => account.reads += 1,
            _ => account.writes += 1,
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                account.failures.push(format!("{method} {path}: {error}"));
                return None;
            }
        };
        if let Some(outcome) = answer.maybe_header("x-cache") {
            *account.cache.entry(outcome.to_owned()).or_default() += 1;
        }
        if let Some(instance) = answer.maybe_header("x-instance") {
            *account.instances.entry(instance.to_owned()).or_default() += 1;
        }
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body);
            let failure = format!("{method} {path}: {} {body}", answer.status);
            account.failures.push(failure);
            return None;
        }
        Some(answer)
    }
}

fn steps(every: Duration) -> tokio::time::Interval {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

/// The number in `version 12`.
fn version(text: &Value) -> Option<u64> {
    text.as_str()?.strip_prefix("version ")?.parse().ok()
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, writes, .. } = self;
        let (failures, stale) = (&self.failures, &self.stale);
        write!(
            out,
            "{} requests ({reads} reads, {writes} writes), {} failed, {} stale, X-Cache {:?}, \
             slowest {:.0?}, by instance {:?}",
            reads + writes,
            failures.len(),
            stale.len(),
            self.cache,
            self.slowest,
            self.instances,
        )?;
        for fault in failures.iter().chain(stale).take(20) {
            write!(out, "\n  {fault}")?;
        }
        Ok(())
    }
}
