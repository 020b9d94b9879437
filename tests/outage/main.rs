//! Redis stopped, paused, full and restarted empty while requests run: clients see slower answers, and
//! neither an error nor a stale list. PostgreSQL's primary hanging, and its replicas behind or elsewhere.
//!
//! A test program of its own, which cargo runs when no other does, because what is promised here is
//! a time: on a busy machine it would fail without a fault in the program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "these tests use a part of the helpers that all share"
)]
#[path = "../api/helpers/mod.rs"]
mod helpers;
mod promotion;

mod primary;
mod replicas;

use helpers::{Proxy, Redis, TestApp, servers, wait_until};
use serde_json::json;
use std::time::{Duration, Instant};
use testcontainers_modules::redis::Redis as RedisImage;
use testcontainers_modules::testcontainers::core::{CmdWaitFor, ExecCommand};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, ImageExt};
use tokio::sync::Mutex;

/// The longest that a request may take while Redis is away (the one bound that is itself the
/// promise, and so is asserted).
const BOUND: Duration = Duration::from_millis(300);

/// For the same reason, one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// An application with a Redis server of its own, behind a proxy that keeps its address.
struct Outage {
    redis: ContainerAsync<RedisImage>,
    proxy: Proxy,
    apps: [TestApp; 2],
    user: i64,
    written: u64,
}

impl Outage {
    async fn prepare() -> Self {
        let redis = RedisImage::default().with_tag("8").start().await.unwrap();
        let proxy = Proxy::start(&address(&redis).await).await;
        let flags = [
            "--redis-url",
            &proxy.redis_url(),
            "--redis-timeout-ms",
            "100",
        ];
        let first = TestApp::start_with(&flags).await;
        let second = first.sibling(&flags).await;
        let user = first.add_user("Ada").await;
        let apps = [first, second];
        for app in &apps {
            app.redis_connected().await;
        }
        Self {
            redis,
            proxy,
            apps,
            user,
            written: 0,
        }
    }

    /// Writes through one instance and reads from both: no error, nothing stale, nothing slow.
    async fn write_and_read(&mut self) {
        for writer in 0..2 {
            self.written += 1;
            let title = format!("task {}", self.written);
            let task = json!({"title": title, "userId": self.user});
            bounded("write", async {
                self.apps[writer].post("/tasks", task).await.data(201);
            })
            .await;
            for app in &self.apps {
                bounded("read", async {
                    let list = app.get("/tasks?limit=1").await;
                    assert_eq!(
                        list.data(200)[0]["title"],
                        title.as_str(),
                        "stale: {list:?}"
                    );
                })
                .await;
            }
        }
    }

    /// Waits until both instances use Redis again, and checks that they then serve hits.
    async fn recovered(&mut self) {
        for app in &self.apps {
            app.redis_connected().await;
        }
        self.write_and_read().await;
        wait_until("both instances hit", || async {
            let mut hits = 0;
            for app in &self.apps {
                hits += usize::from(app.get("/tasks?limit=1").await.header("x-cache") == "hit");
            }
            hits == 2
        })
        .await;
        self.write_and_read().await;
    }
}

async fn address(redis: &ContainerAsync<RedisImage>) -> String {
    format!(
        "127.0.0.1:{}",
        redis.get_host_port_ipv4(6379).await.unwrap()
    )
}

async fn bounded(what: &str, request: impl Future<Output = ()>) {
    let started = Instant::now();
    request.await;
    let took = started.elapsed();
    assert!(took < BOUND, "a {what} took {took:?}");
}

#[actix_web::test]
async fn redis_stopped_and_started_empty_costs_no_error_and_no_stale_read() {
    let _alone = ALONE.lock().await;
    let mut outage = Outage::prepare().await;
    outage.write_and_read().await;
    outage.redis.stop_with_timeout(Some(0)).await.unwrap();
    for _ in 0..10 {
        outage.write_and_read().await;
    }
    assert_eq!(
        outage.apps[0].get("/tasks").await.header("x-cache"),
        "bypass"
    );
    assert_eq!(
        outage.apps[0].get("/health/ready").await.json()["status"],
        "degraded"
    );
    // Its port is another one after a restart; its data is gone.
    outage.redis.start().await.unwrap();
    outage.proxy.lead_to(Some(&address(&outage.redis).await));
    outage.recovered().await;
    assert_eq!(
        outage.apps[0].get("/health/ready").await.json()["status"],
        "ok"
    );
}

#[actix_web::test]
async fn redis_that_never_answers_costs_no_error_and_no_stale_read() {
    let _alone = ALONE.lock().await;
    let mut outage = Outage::prepare().await;
    outage.write_and_read().await;
    outage.redis.pause().await.unwrap();
    for _ in 0..10 {
        outage.write_and_read().await;
    }
    outage.redis.unpause().await.unwrap();
    outage.recovered().await;
}

/// It refuses to store, and nothing else.
#[actix_web::test]
async fn full_redis_serves_hits_and_nothing_stale() {
    let _alone = ALONE.lock().await;
    let mut outage = Outage::prepare().await;
    let fill = ExecCommand::new(["redis-cli", "CONFIG", "SET", "maxmemory", "1"])
        .with_cmd_ready_condition(CmdWaitFor::exit_code(0));
    outage.redis.exec(fill).await.unwrap();
    for _ in 0..10 {
        outage.write_and_read().await;
        for app in &outage.apps {
            let list = app.get("/tasks?limit=1").await;
            assert_eq!(list.header("x-cache"), "hit", "{list:?}");
        }
    }
}

#[actix_web::test]
async fn instance_started_without_redis_bypasses_the_cache_until_it_is_there() {
    let _alone = ALONE.lock().await;
    let proxy = Proxy::to_redis().await;
    proxy.lead_to(None);
    let flags = [
        "--redis-url",
        &proxy.redis_url(),
        "--redis-timeout-ms",
        "100",
    ];
    let app = TestApp::start_with(&flags).await;
    let user = app.add_user("Ada").await;
    app.create_task("first", user).await;
    let list = app.get("/tasks").await;
    assert_eq!(
        (list.header("x-cache"), &list.json()["total"]),
        ("bypass", &json!(1))
    );
    proxy.lead_to(Some(servers().redis.trim_start_matches("redis://")));
    app.redis_connected().await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "miss");
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
}

/// A Redis that lost its data, or brought older data back, must not bring old lists back.
#[actix_web::test]
async fn redis_emptied_while_connected_serves_nothing_stale() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.get("/tasks").await;
    let redis = Redis::of(&app).await;
    let before = redis.scope("epoch").await;
    app.create_task("new", user).await;
    redis.flush().await;
    // Found out by this read, which goes to the database.
    assert_eq!(app.get("/tasks").await.json()["total"], 1);
    app.redis_connected().await;
    assert_ne!(redis.scope("epoch").await, before);
    assert_eq!(app.get("/tasks").await.json()["total"], 1);
}

#[actix_web::test]
async fn redis_restored_to_an_older_state_serves_nothing_stale() {
    let _alone = ALONE.lock().await;
    let proxy = Proxy::to_redis().await;
    let flags = ["--redis-url", &proxy.redis_url()];
    let app = TestApp::start_with(&flags).await;
    app.redis_connected().await;
    let user = app.add_user("Ada").await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "miss");
    let redis = Redis::of(&app).await;
    wait_until("the entry is stored", || async {
        redis.entry("tasks:1:10").await.is_some()
    })
    .await;
    let (key, old) = redis.raw_entry("tasks:1:10").await.unwrap();
    app.create_task("new", user).await;
    // The restart that loses the newer state also loses the connections.
    proxy.lead_to(None);
    redis.set(&key, &old).await;
    redis.set_stamp_of(&old).await;
    proxy.lead_to(Some(servers().redis.trim_start_matches("redis://")));
    for _ in 0..20 {
        assert_eq!(app.get("/tasks").await.json()["total"], 1);
    }
    app.redis_connected().await;
    let list = app.get("/tasks").await;
    assert_ne!(list.header("x-cache"), "bypass");
    assert_eq!(list.json()["total"], 1);
}

/// Other instances reach Redis, and are asked to do there what a write needs.
#[actix_web::test]
async fn write_of_an_instance_cut_off_from_redis_is_seen_by_others_at_once() {
    let _alone = ALONE.lock().await;
    let proxy = Proxy::to_redis().await;
    let flags = [
        "--redis-url",
        &proxy.redis_url(),
        "--redis-timeout-ms",
        "100",
    ];
    let cut_off = TestApp::start_with(&flags).await;
    cut_off.redis_connected().await;
    let other = cut_off.sibling(&[]).await;
    other.redis_connected().await;
    let user = other.add_user("Ada").await;
    proxy.lead_to(None);
    for round in 0..5 {
        other.get("/tasks?limit=1").await;
        assert_eq!(other.get("/tasks?limit=1").await.header("x-cache"), "hit");
        let title = format!("heard {round}");
        bounded("write", async {
            cut_off.create_task(&title, user).await;
        })
        .await;
        assert_eq!(other.titles("?limit=1").await, [title]);
    }
    assert_eq!(Redis::of(&other).await.marks().await, [""; 0]);
}

/// Redis hangs while an instance that is quiet still has its connection. It must not serve, once Redis goes
/// on, what another has changed meanwhile.
#[actix_web::test]
async fn quiet_instance_serves_nothing_stale_after_redis_hung() {
    let _alone = ALONE.lock().await;
    let mut outage = Outage::prepare().await;
    for round in 0..5 {
        let [busy, quiet] = &outage.apps;
        // A mark that Redis got late stays until somebody asks what became of its transaction.
        wait_until("the quiet instance hits", async || {
            quiet.get("/tasks").await.header("x-cache") == "hit"
        })
        .await;
        outage.redis.pause().await.unwrap();
        busy.create_task("unheard", outage.user).await;
        outage.redis.unpause().await.unwrap();
        assert_eq!(quiet.get("/tasks").await.json()["total"], round + 1);
        for app in &outage.apps {
            app.redis_connected().await;
        }
    }
    outage.recovered().await;
}

/// Longer than NGINX waits, a write would be passed on while it is carried out.
#[actix_web::test]
async fn write_and_its_announcement_end_before_nginx_gives_up() {
    /// `proxy_read_timeout` in nginx.conf.
    const NGINX_LIMIT: Duration = Duration::from_secs(6);
    let _alone = ALONE.lock().await;
    let proxy = Proxy::to_redis().await;
    let app = TestApp::start_with(&["--redis-url", &proxy.redis_url()]).await;
    app.redis_connected().await;
    let user = app.add_user("Ada").await;
    let id = app.create_task("before", user).await["id"].clone();
    // With the time that Redis has to answer, more than a write may take.
    app.delay_commits("pg_sleep(3.5)").await;
    proxy.hold_requests(b"\r\n");
    let path = format!("/tasks/{id}");
    let started = Instant::now();
    let answer = app.put(&path, json!({"title": "after"})).await;
    assert!(started.elapsed() < NGINX_LIMIT, "{:?}", started.elapsed());
    assert_eq!(answer.json()["code"], "outcome_unknown");
}
