//! A write that was begun runs to its end, whatever becomes of its client, and is tried again after a
//! deadlock.

use crate::helpers::{TestApp, wait_until};
use crate::process::Process;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends a PUT whose answer the test does not wait for.
async fn begin_put(url: &str, path: &str, body: &Value) -> TcpStream {
    let host = url.trim_start_matches("http://");
    let body = body.to_string();
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Closes a connection so that the server gets a reset instead of an end.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// Waits until so many statements of this database wait for locks.
async fn wait_for_waiters(app: &TestApp, count: i64) {
    wait_until("statements wait for locks", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&app.db)
        .await
        .unwrap();
        waiting == count
    })
    .await;
}

#[actix_web::test]
async fn write_of_a_client_that_resets_its_connection_is_committed_and_announced() {
    let app = TestApp::start_with(&["--http-workers", "1"]).await;
    let user = app.add_user("Ada").await;
    let task = app.create_task("before", user).await["id"].clone();
    let other = app.sibling(&[]).await;
    other.get("/tasks").await;
    assert_eq!(other.get("/tasks").await.header("x-cache"), "hit");

    let mut lock = app.db.begin().await.unwrap();
    sqlx::query("SELECT FROM tasks FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let path = format!("/tasks/{task}");
    let client = begin_put(&app.url, &path, &json!({"title": "after"})).await;
    wait_for_waiters(&app, 1).await;
    reset(client);
    // The only worker has noticed the reset when it has answered others that came after it.
    for _ in 0..3 {
        app.get("/health/live").await;
    }
    lock.rollback().await.unwrap();

    wait_until("the write is committed", async || {
        app.get(&path).await.data(200)["title"] == "after"
    })
    .await;
    // Without the announcement, the copy would be served for CACHE_TTL_SECONDS, which is longer than
    // this waits.
    wait_until("the list shows it", async || {
        other.titles("").await == ["after"]
    })
    .await;
}

#[actix_web::test]
async fn write_of_a_client_that_left_before_it_began_is_not_made() {
    // One connection, which another write holds, so that the next one waits before its first statement.
    let flags = ["--http-workers", "1", "--database-max-connections", "1"];
    let app = TestApp::start_with(&flags).await;
    let user = app.add_user("Ada").await;
    let first = app.create_task("first", user).await["id"].clone();
    let second = app.create_task("second", user).await["id"].clone();
    let mut lock = app.db.begin().await.unwrap();
    sqlx::query("SELECT FROM tasks FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let (first, second) = (format!("/tasks/{first}"), format!("/tasks/{second}"));
    let patient = begin_put(&app.url, &first, &json!({"title": "made"})).await;
    wait_for_waiters(&app, 1).await;
    let leaving = begin_put(&app.url, &second, &json!({"title": "not made"})).await;
    // Has arrived when the only worker has answered one that came after it.
    app.get("/health/live").await;
    reset(leaving);
    for _ in 0..3 {
        app.get("/health/live").await;
    }
    lock.rollback().await.unwrap();
    wait_until("the first write is made", async || {
        app.get(&first).await.data(200)["title"] == "made"
    })
    .await;
    drop(patient);
    assert_eq!(app.get(&second).await.data(200)["title"], "second");
}

#[actix_web::test]
async fn write_that_loses_a_deadlock_is_tried_once_more() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.create_task("of Ada", user).await;
    let mut other = app.db.begin().await.unwrap();
    // So that it is the API's statement that PostgreSQL ends.
    for sql in [
        "SET LOCAL deadlock_timeout = '60s'",
        "UPDATE tasks SET title = 'locked'",
    ] {
        sqlx::query(sql).execute(&mut *other).await.unwrap();
    }
    let path = format!("/users/{user}");
    let delete = app.delete(&path);
    let collide = async {
        wait_for_waiters(&app, 1).await;
        sqlx::query("UPDATE users SET name = 'locked'")
            .execute(&mut *other)
            .await
            .unwrap();
        other.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(delete, collide);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(app.get(&path).await.status, 404);
}

#[actix_web::test]
async fn request_whose_client_left_is_logged_as_499() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let task = app.create_task("Sweep", user).await["id"].clone();
    let path = format!("/tasks/{task}");
    let process = Process::serve(&app, &[("LOG_FORMAT", "json")]).await;
    let mut lock = app.db.begin().await.unwrap();
    sqlx::query("SELECT FROM tasks FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let client = begin_put(&process.url, &path, &json!({"title": "Mop"})).await;
    wait_for_waiters(&app, 1).await;
    reset(client);
    for _ in 0..3 {
        let live = process.request(reqwest::Method::GET, "/health/live");
        live.send().await.unwrap();
    }
    lock.rollback().await.unwrap();
    let shows = async || app.get(&path).await.data(200)["title"] == "Mop";
    wait_until("the write is committed", shows).await;
    let lines = process.end().await;
    let line = lines
        .iter()
        .find(|line| line.contains(r#""target":"access""#));
    let line: Value = serde_json::from_str(line.expect("an access line")).unwrap();
    assert_eq!(
        (&line["status"], &line["path"], &line["method"]),
        (&json!(499), &json!(path), &json!("PUT"))
    );
}

#[actix_web::test]
async fn shutdown_waits_for_the_write_of_a_client_that_left() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let task = app.create_task("before", user).await["id"].clone();
    app.get("/tasks").await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
    let process = Process::serve(&app, &[]).await;
    let mut lock = app.db.begin().await.unwrap();
    sqlx::query("SELECT FROM tasks FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let path = format!("/tasks/{task}");
    let client = begin_put(&process.url, &path, &json!({"title": "after"})).await;
    wait_for_waiters(&app, 1).await;
    reset(client);
    for _ in 0..3 {
        let live = process.request(reqwest::Method::GET, "/health/live");
        live.send().await.unwrap();
    }
    let mut end = std::pin::pin!(process.end());
    // It does not end while the write waits. Without the wait it ends within milliseconds; the write may
    // wait for its lock for 3 s.
    let early = timeout(Duration::from_millis(500), &mut end).await;
    assert!(early.is_err(), "ended without the write: {early:?}");
    lock.rollback().await.unwrap();
    end.await;
    // Made, and announced before the process was gone: the copy from before is not served.
    assert_eq!(app.titles("").await, ["after"]);
}
