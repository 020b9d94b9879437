//! A create with an Idempotency-Key is carried out once, however often it is sent.

use crate::helpers::{Answer, Proxy, TestApp, collections, send, servers, wait_until};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use taskfleet::db::idempotency;

/// POSTs with a key.
async fn post(app: &TestApp, path: &str, key: &str, body: &Value) -> Answer {
    let request = app.request(Method::POST, path).json(body);
    send(request.header("Idempotency-Key", key)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&app.db)
        .await
        .unwrap()
}

#[actix_web::test]
async fn repeat_with_the_same_key_gets_the_same_answer_and_creates_nothing() {
    let app = TestApp::start().await;
    let sibling = app.sibling(&[]).await;
    for collection in collections() {
        let (path, table) = (&collection.path, collection.table());
        let body = collection.new_body(&app).await;
        let before = count(&app, table).await;
        let first = post(&app, path, "key-1", &body).await;
        first.data(201);
        assert!(!is_replayed(&first));
        let again = post(&sibling, path, "key-1", &body).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.status, 201);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(count(&app, table).await, before + 1);
        let other = post(&app, path, "key-2", &body).await;
        assert!(!is_replayed(&other), "another key, another request");
    }
}

#[actix_web::test]
async fn same_key_with_another_body_is_422() {
    let app = TestApp::start().await;
    let user = json!({"name": "Bo", "email": "bo@example.com", "password": "correct horse"});
    post(&app, "/users", "key", &user).await.data(201);
    for (field, value) in [
        ("name", "Bob"),
        ("email", "bob@example.com"),
        ("password", "battery staple"),
    ] {
        let mut other = user.clone();
        other[field] = json!(value);
        let sentence = post(&app, "/users", "key", &other).await.problem(422);
        assert!(sentence.contains("Idempotency-Key"), "{sentence}");
    }
    post(&app, "/categories", "key", &json!({"name": "one"}))
        .await
        .data(201);
    post(&app, "/categories", "key", &json!({"name": "two"}))
        .await
        .problem(422);
    assert_eq!(count(&app, "categories").await, 1);
}

#[actix_web::test]
async fn invalid_idempotency_key_is_400() {
    let app = TestApp::start().await;
    let body = json!({"name": "one"});
    for key in ["", "a b", "ä", &"x".repeat(256)] {
        let answer = post(&app, "/categories", key, &body).await;
        assert_eq!(answer.invalid_paths(), ["Idempotency-Key"], "{key:?}");
    }
    let twice = app
        .request(Method::POST, "/categories")
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    assert_eq!(
        send(twice.json(&body)).await.invalid_paths(),
        ["Idempotency-Key"]
    );
    assert_eq!(count(&app, "categories").await, 0);
    post(&app, "/categories", &"x".repeat(255), &body)
        .await
        .data(201);
}

#[actix_web::test]
async fn request_that_fails_leaves_its_key_unused() {
    let app = TestApp::start().await;
    let task = |user: i64| json!({"title": "task", "userId": user});
    post(&app, "/tasks", "key", &task(1)).await.problem(400);
    post(&app, "/tasks", "key", &json!({"title": 1}))
        .await
        .problem(400);
    let user = app.add_user("Ada").await;
    post(&app, "/tasks", "key", &task(user)).await.data(201);
}

#[actix_web::test]
async fn fifty_concurrent_repeats_through_three_instances_create_one_task() {
    let first = TestApp::start().await;
    let apps = [first.sibling(&[]).await, first.sibling(&[]).await, first];
    let user = apps[0].add_user("Ada").await;
    let body = json!({"title": "once", "userId": user});
    let repeats = (0..50).map(|index| {
        let (app, body) = (&apps[index % apps.len()], &body);
        async move {
            loop {
                let answer = post(app, "/tasks", "key", body).await;
                // What a client does that is told to come back.
                if answer.status == 409 {
                    assert_eq!(answer.header("retry-after"), "1");
                    continue;
                }
                return answer;
            }
        }
    });
    let answers = join_all(repeats).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 && answer.text == answers[0].text)
    );
    let firsts = answers.iter().filter(|answer| !is_replayed(answer)).count();
    assert_eq!(firsts, 1);
    assert_eq!(count(&apps[0], "tasks").await, 1);
}

#[actix_web::test]
async fn key_in_flight_is_409_with_retry_after() {
    let app = TestApp::start().await;
    let mut other = app.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('/categories key', 0))")
        .execute(&mut *other)
        .await
        .unwrap();
    let body = json!({"name": "one"});
    let answer = post(&app, "/categories", "key", &body).await;
    answer.problem(409);
    assert_eq!(answer.header("retry-after"), "1");
    other.rollback().await.unwrap();
    post(&app, "/categories", "key", &body).await.data(201);
}

/// An instance dies between its commit and its announcement: the repeat through another instance gets
/// the answer of the first attempt, and no read after that shows the state before the write.
#[actix_web::test]
async fn repeat_after_a_crash_between_commit_and_announcement_makes_the_write_visible() {
    let survivor = TestApp::start().await;
    let proxy = Proxy::start(servers().redis.trim_start_matches("redis://")).await;
    let dying = survivor
        .sibling(&["--redis-url", &proxy.redis_url(), "--http-workers", "1"])
        .await;
    dying.redis_connected().await;
    let user = survivor.add_user("Ada").await;
    let body = json!({"title": "survives", "userId": user});
    assert!(survivor.titles("").await.is_empty());

    // A key that raising names, and leaving a mark does not.
    proxy.hold_requests(b"generation");
    let dying = Arc::new(dying);
    let attempt = {
        let (dying, body) = (Arc::clone(&dying), body.clone());
        actix_web::rt::spawn(async move { post(&dying, "/tasks", "key", &body).await })
    };
    wait_until("the commit is done", async || {
        count(&survivor, "tasks").await == 1
    })
    .await;
    attempt.abort();
    // Not announced, but marked.
    assert_eq!(survivor.titles("").await, ["survives"]);

    let repeat = post(&survivor, "/tasks", "key", &body).await;
    assert!(is_replayed(&repeat));
    repeat.data(201);
    assert_eq!(survivor.titles("").await, ["survives"]);
    assert_eq!(count(&survivor, "tasks").await, 1);
}

#[actix_web::test]
async fn keys_expire_after_24_hours_and_are_purged() {
    let app = TestApp::start().await;
    let body = json!({"name": "one"});
    for key in ["old", "young"] {
        post(&app, "/categories", key, &body).await.data(201);
    }
    sqlx::query(
        "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'
         WHERE key = 'old'",
    )
    .execute(&app.db)
    .await
    .unwrap();
    assert!(is_replayed(
        &post(&app, "/categories", "young", &body).await
    ));
    assert!(!is_replayed(&post(&app, "/categories", "old", &body).await));
    sqlx::query("UPDATE idempotency_keys SET created_at = '2026-01-01' WHERE key = 'old'")
        .execute(&app.db)
        .await
        .unwrap();
    let mut connection = app.db.acquire().await.unwrap();
    let removed = idempotency::purge_expired_keys(&mut connection)
        .await
        .unwrap();
    assert_eq!(removed, 1);
    assert_eq!(count(&app, "idempotency_keys").await, 1);
}
