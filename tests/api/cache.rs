//! The promise: a read that starts after a write was acknowledged shows that write.

use crate::helpers::{Proxy, Redis, TestApp, collections, wait_until};
use futures_util::FutureExt;
use futures_util::future;
use serde_json::json;
use std::convert::Infallible;
use taskfleet::cache::{self, Cache, CacheStatus, ListKey};
use taskfleet::domain::log_position::{History, LogPosition, Lsn};
use taskfleet::domain::page::{Page, Unfiltered};
use taskfleet::domain::served_from::ServedFrom;
use taskfleet::domain::user::User;
use taskfleet::domain::viewer::ViewerClass;
use tokio::sync::oneshot;

#[actix_web::test]
async fn first_list_is_a_miss_and_the_second_a_hit() {
    let app = TestApp::start().await;
    for collection in collections() {
        let path = &collection.path;
        assert_eq!(app.get(path).await.header("x-cache"), "miss", "{path}");
        assert_eq!(app.get(path).await.header("x-cache"), "hit", "{path}");
    }
}

#[actix_web::test]
async fn entry_filled_by_one_instance_is_a_hit_on_another() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    let first = app.get("/tasks").await;
    let redis = Redis::of(&app).await;
    wait_until("the entry is stored", || async {
        redis.entry("tasks:1:10").await.is_some()
    })
    .await;
    let second = other.get("/tasks").await;
    assert_eq!(
        (second.header("x-cache"), &second.text),
        ("hit", &first.text)
    );
    assert_eq!(second.header("etag"), first.header("etag"));
}

#[actix_web::test]
async fn default_parameters_share_the_entry_of_the_bare_path() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "miss");
    let same = app.get("/tasks?limit=10&sort=desc&page=1").await;
    assert_eq!(same.header("x-cache"), "hit");
}

#[actix_web::test]
async fn each_parameter_is_part_of_the_cache_key() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let category = app.create_category("Chores").await;
    app.create_task("one", user).await;
    for query in [
        "".to_owned(),
        "?page=2".to_owned(),
        "?limit=2".to_owned(),
        "?sort=asc".to_owned(),
        "?status=pending".to_owned(),
        "?status=completed".to_owned(),
        format!("?userId={user}"),
        format!("?categoryId={category}"),
        "?search=one".to_owned(),
        "?search=ONE".to_owned(),
        "?search=two".to_owned(),
        "?search=pending".to_owned(),
        "?search=:".to_owned(),
    ] {
        let answer = app.get(&format!("/tasks{query}")).await;
        assert_eq!(answer.header("x-cache"), "miss", "{query}");
    }
}

#[actix_web::test]
async fn every_write_is_seen_by_the_next_list_of_every_instance() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    let see = async |what: &str| {
        for app in [&app, &other] {
            let text = app.get("/tasks").await.text;
            assert!(text.contains(what), "{what} is not in {text}");
            assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
        }
    };
    let user = app.add_user("Ada").await;
    let category = app.create_category("Chores").await;
    let task = json!({"title": "Sweep", "userId": user, "categoryId": category});
    let id = app.post("/tasks", task).await.data(201)["id"]
        .as_i64()
        .unwrap();
    see("Sweep").await;
    app.put(&format!("/tasks/{id}"), json!({"title": "Mop"}))
        .await
        .data(200);
    see("Mop").await;
    app.put(&format!("/users/{user}"), json!({"name": "Grace"}))
        .await
        .data(200);
    see("Grace").await;
    app.put(
        &format!("/categories/{category}"),
        json!({"name": "Housework"}),
    )
    .await
    .data(200);
    see("Housework").await;
    assert_eq!(app.delete(&format!("/users/{user}")).await.status, 200);
    see(r#""userId":null"#).await;
    assert_eq!(
        app.delete(&format!("/categories/{category}")).await.status,
        200
    );
    see(r#""categoryId":null"#).await;
    assert_eq!(app.delete(&format!("/tasks/{id}")).await.status, 200);
    see(r#""total":0"#).await;
}

#[actix_web::test]
async fn create_is_seen_by_the_next_list_of_another_instance() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    for collection in collections() {
        let path = &collection.path;
        app.get(path).await;
        other.get(path).await;
        let created = collection.create(&app).await;
        for app in [&other, &app] {
            let list = app.get(path).await;
            assert_eq!(list.data(200)[0]["id"], created["id"], "{path}: {list:?}");
        }
    }
}

/// A reader has queried the old state and is about to store it when a writer commits and announces.
#[actix_web::test]
async fn fill_that_races_with_a_write_is_never_served() {
    let proxy = Proxy::to_redis().await;
    let writer = TestApp::start().await;
    let user = writer.add_user("Ada").await;
    let reader = writer.sibling(&["--redis-url", &proxy.redis_url()]).await;
    reader.redis_connected().await;

    proxy.hold_requests(b"$3\r\nSET\r\n");
    let before = reader.get("/tasks").await;
    assert_eq!(
        (before.header("x-cache"), &before.json()["total"]),
        ("miss", &json!(0))
    );
    proxy.held().await;
    writer.create_task("new", user).await;
    proxy.release();

    let redis = Redis::of(&writer).await;
    wait_until("the old list is stored", || async {
        redis
            .entry("tasks:1:10")
            .await
            .is_some_and(|entry| entry.contains(r#""total":0"#))
    })
    .await;
    for app in [&reader, &writer] {
        assert_eq!(app.get("/tasks").await.json()["total"], 1);
    }
}

#[actix_web::test]
async fn slow_fill_does_not_replace_a_newer_entry() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    let position = LogPosition {
        history: History {
            system: 1,
            timeline: 1,
        },
        lsn: Lsn(1),
    };
    let position = move || future::ready(Some(position)).boxed();
    let cache = Cache::start(
        &app.settings.cache,
        cache::bodies(1024 * 1024),
        Box::new(position),
    );
    cache.connected().await;
    let read = async |path: &str, body: &[u8], wait: oneshot::Receiver<()>| {
        let fill = |_| async {
            wait.await.unwrap();
            Ok::<_, Infallible>((body.to_vec(), ServedFrom::Primary))
        };
        let page = Page {
            number: 1,
            limit: 10,
        };
        let key = ListKey::new(
            ViewerClass::Everyone,
            path,
            page,
            &Unfiltered::<User>::default(),
        );
        cache.read(key, fill).await.unwrap().cache_status
    };
    let at_once = || {
        let (go, wait) = oneshot::channel();
        go.send(()).unwrap();
        wait
    };

    let (go, wait) = oneshot::channel();
    let slow = read("/tasks", b"old", wait);
    let others = async {
        cache.position().await; // a lookup that started with the slow read's or after it
        cache.announce().await.unwrap();
        let newer = read("/tasks", b"new", at_once()).await;
        assert_eq!(newer, CacheStatus::Miss);
        go.send(()).unwrap();
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow, CacheStatus::Miss);

    // Stored after what those two have stored.
    read("/users", b"last", at_once()).await;
    wait_until("the last entry is stored", async || {
        redis.entry("users").await.is_some()
    })
    .await;
    let stored = redis.entry("tasks").await.unwrap();
    assert!(stored.ends_with("new"), "{stored}");
}

/// The answer to a lookup that is under way may be older than a write; a read that comes after the
/// write must not get it.
#[actix_web::test]
async fn lookup_in_flight_does_not_answer_a_later_read() {
    let proxy = Proxy::to_redis().await;
    let writer = TestApp::start().await;
    let user = writer.add_user("Ada").await;
    // One worker, so that both reads are of the same batch.
    let flags = ["--redis-url", &proxy.redis_url(), "--http-workers", "1"];
    let reader = writer.sibling(&flags).await;
    reader.redis_connected().await;
    reader.get("/tasks").await;
    assert_eq!(reader.get("/tasks").await.header("x-cache"), "hit");

    // Held on its way back, the answer tells of the generation before the write.
    proxy.hold_answers();
    let early = reader.begin_get("/tasks").await;
    proxy.held().await;
    writer.create_task("new", user).await;
    let late = reader.begin_get("/tasks").await;
    // These requests came after the late read and are answered, so it waits for its lookup by now.
    reader.get("/health/live").await;
    reader.get("/health/live").await;
    proxy.release();

    let early = early.finish().await;
    assert!(
        early.contains(r#""total":0"#),
        "the early lookup was not held: {early}"
    );
    let late = late.finish().await;
    assert!(late.contains(r#""total":1"#), "{late}");
}

#[actix_web::test]
async fn two_hundred_concurrent_misses_cause_one_query() {
    let app = TestApp::start().await;
    sqlx::query("CREATE EXTENSION pg_stat_statements")
        .execute(&app.db)
        .await
        .unwrap();
    let queries = async || {
        sqlx::query_scalar::<_, i64>(
            "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
             WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND query LIKE 'SELECT c.total, p.* FROM%'",
        )
        .fetch_one(&app.db)
        .await
        .unwrap()
    };
    for (round, cold) in ["?limit=3", "?limit=4"].into_iter().enumerate() {
        let path = format!("/tasks{cold}");
        let all = (0..200).map(|_| app.get(&path));
        let answers = future::join_all(all).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let misses = answers
            .iter()
            .filter(|answer| answer.header("x-cache") == "miss")
            .count();
        assert_eq!((queries().await, misses), (1 + round as i64, 1));
    }
}

#[actix_web::test]
async fn garbage_or_truncated_entry_is_a_miss() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.create_task("right", user).await;
    let redis = Redis::of(&app).await;
    app.get("/tasks").await;
    wait_until("the entry is stored", || async {
        redis.entry("tasks:1:10").await.is_some()
    })
    .await;
    let (key, good) = redis.raw_entry("tasks:1:10").await.unwrap();
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for bad in [
        Vec::new(),
        b"garbage".to_vec(),
        good[..good.len() - 1].to_vec(),
        wrong,
    ] {
        redis.set(&key, &bad).await;
        // An instance that has no copy of its own.
        let other = app.sibling(&[]).await;
        redis.set_generation_of(&good).await;
        let answer = other.get("/tasks").await;
        let shown = (answer.header("x-cache"), &answer.json()["total"]);
        assert_eq!(shown, ("miss", &json!(1)), "with {bad:?}");
        wait_until("it is replaced", || async {
            let entry = redis.raw_entry("tasks:1:10").await;
            entry.is_some_and(|(_, entry)| entry != bad)
        })
        .await;
    }
}
