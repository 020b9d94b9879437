//! Writes that come twice, under the id that NGINX gives a request on each of its tries.

use crate::helpers::{Answer, Proxy, TestApp, send, wait_until};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, query, query_scalar};
use taskfleet::db;

/// Sends a try of the request with this id.
async fn attempt(app: &TestApp, method: Method, path: &str, body: &Value, id: &str) -> Answer {
    let request = app.request(method, path).header("X-Attempt-Id", id);
    send(request.json(body)).await
}

const ID: &str = "0123456789abcdef0123456789abcdef";

#[actix_web::test]
async fn second_try_of_an_update_does_not_write_over_what_others_wrote_since() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    let user = app.add_user("Ada").await;
    let path = format!("/tasks/{}", app.create_task("v0", user).await["id"]);
    let v1 = json!({"title": "v1"});
    let first = attempt(&app, Method::PUT, &path, &v1, ID).await;
    assert_eq!(first.data(200)["title"], "v1");
    app.put(&path, json!({"title": "v2"})).await.data(200);
    let second = attempt(&other, Method::PUT, &path, &v1, ID).await;
    assert_eq!(second.data(200)["title"], "v2");
    assert_eq!(app.get(&path).await.data(200)["title"], "v2");
}

#[actix_web::test]
async fn second_try_of_a_create_answers_with_what_the_first_created() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    let user = app.add_user("Ada").await;
    for (path, body) in [
        ("/tasks", json!({"title": "once", "userId": user})),
        ("/categories", json!({"name": "once"})),
        ("/labels", json!({"name": "once"})),
        (
            "/users",
            json!({"name": "once", "email": "once@example.com", "password": "correct horse"}),
        ),
    ] {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let first = attempt(&app, Method::POST, path, &body, &id).await;
        let second = attempt(&other, Method::POST, path, &body, &id).await;
        assert_eq!(second.data(201), first.data(201));
        assert_eq!(second.header("location"), first.header("location"));
        let total = if path == "/users" { 2 } else { 1 };
        assert_eq!(app.get(path).await.json()["total"], total, "{path}");
    }
}

#[actix_web::test]
async fn second_try_of_a_delete_succeeds_like_the_first() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let path = format!("/tasks/{}", app.create_task("gone", user).await["id"]);
    for _ in 0..2 {
        let answer = attempt(&app, Method::DELETE, &path, &json!({}), ID).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    app.delete(&path).await.problem(404);
}

#[actix_web::test]
async fn try_that_failed_is_not_counted() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let body = json!({"title": "right", "userId": user});
    let wrong = json!({"title": "wrong", "userId": user + 1});
    attempt(&app, Method::POST, "/tasks", &wrong, ID)
        .await
        .problem(400);
    attempt(&app, Method::POST, "/tasks", &body, ID)
        .await
        .data(201);
}

#[actix_web::test]
async fn second_try_waits_for_the_end_of_the_first() {
    let app = TestApp::start().await;
    let other = app.sibling(&[]).await;
    let user = app.add_user("Ada").await;
    let path = format!("/tasks/{}", app.create_task("v0", user).await["id"]);
    let mut lock = app.db.begin().await.unwrap();
    query("SELECT FROM tasks FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let waiting = async |count: i64| {
        wait_until("so many statements wait", async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting: i64 = query_scalar(waiting).fetch_one(&app.db).await.unwrap();
            waiting == count
        })
        .await;
    };
    let body = json!({"title": "v1"});
    let first = attempt(&app, Method::PUT, &path, &body, ID);
    let second = async {
        waiting(1).await;
        attempt(&other, Method::PUT, &path, &body, ID).await
    };
    let release = async {
        waiting(2).await;
        lock.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    assert_eq!(first.data(200)["updatedAt"], second.data(200)["updatedAt"]);
}

#[actix_web::test]
async fn attempts_are_purged_after_ten_minutes() {
    let app = TestApp::start().await;
    let body = json!({"name": "one"});
    for id in [ID, "0123456789abcdef0123456789abcde0"] {
        attempt(&app, Method::POST, "/categories", &body, id)
            .await
            .data(201);
    }
    query("UPDATE attempts SET created_at = now() - interval '11 minutes' WHERE id = $1::uuid")
        .bind(ID)
        .execute(&app.db)
        .await
        .unwrap();
    let mut connection = app.db.acquire().await.unwrap();
    assert_eq!(db::attempts::purge(&mut connection).await.unwrap(), 1);
    let left: i64 = query_scalar("SELECT count(*) FROM attempts")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

/// The connection breaks while the commit is under way: the instance itself finds out what became of it.
#[actix_web::test]
async fn try_whose_connection_breaks_during_its_commit_finds_out_whether_it_was_committed() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let path = format!("/tasks/{}", app.create_task("v0", user).await["id"]);
    let database = app.settings.database.database_url.0.clone();
    let upstream = format!("{}:{}", database.get_host(), database.get_port());
    let proxy = Proxy::start(&upstream).await;
    let url = database.host("127.0.0.1").port(proxy.port()).to_url_lossy();
    let writer = app.sibling(&["--database-url", url.as_str()]).await;
    writer.redis_connected().await;
    app.delay_commits("pg_sleep(1)").await;
    let body = json!({"title": "v1"});
    let write = attempt(&writer, Method::PUT, &path, &body, ID);
    let break_off = async {
        wait_until("the commit is under way", async || {
            let sleeping = "SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event = 'PgSleep'";
            let count: i64 = query_scalar(sleeping).fetch_one(&app.db).await.unwrap();
            count == 1
        })
        .await;
        proxy.lead_to(Some(&upstream));
    };
    let (answer, ()) = tokio::join!(write, break_off);
    assert_eq!(answer.data(200)["title"], "v1");
    assert_eq!(app.titles("").await, ["v1"]);
    let attempts: i64 = query_scalar("SELECT count(*) FROM attempts")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(attempts, 1);
}
