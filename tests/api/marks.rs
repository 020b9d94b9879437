//! Marks, stamps and scopes as they can be seen from outside: which lists a write outdates, and what is
//! served while a transaction may be changing them.

use crate::helpers::{Redis, TestApp, wait_until};
use serde_json::json;
use sqlx::{Postgres, Transaction, query, query_scalar};

/// A transaction with an id, and the text of a mark of it on these scopes.
async fn running(app: &TestApp, scopes: &str) -> (Transaction<'static, Postgres>, String) {
    let mut transaction = app.db.begin().await.unwrap();
    let mark: String = query_scalar(
        "SELECT to_hex(system_identifier) || '-' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
                || '-' || to_hex(pg_current_xact_id()::text::bigint)
         FROM pg_control_system()",
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    (transaction, format!("{mark} {scopes}"))
}

/// Makes a copy of each of these lists, and checks that it is served.
async fn copy(app: &TestApp, paths: &[&str]) {
    for path in paths {
        app.get(path).await;
        assert_eq!(app.get(path).await.header("x-cache"), "hit", "{path}");
    }
}

async fn until_hit(app: &TestApp, path: &str) {
    wait_until("the list is a hit again", async || {
        app.get(path).await.header("x-cache") == "hit"
    })
    .await;
}

#[actix_web::test]
async fn write_outdates_the_lists_that_it_may_have_changed_and_no_other() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.add_user("Ada").await, app.add_user("Grace").await);
    let category = app.create_category("Chores").await;
    let task = app.create_task("of Ada", ada).await["id"].clone();
    let of = |user| format!("/tasks?userId={user}");
    let (of_ada, of_grace) = (of(ada), of(grace));
    let of_category = format!("/tasks?categoryId={category}");
    let paths = [
        "/tasks",
        of_ada.as_str(),
        &of_grace,
        &of_category,
        "/users",
        "/categories",
        "/labels",
    ];
    let task = format!("/tasks/{task}");
    let (ada, grace) = (format!("/users/{ada}"), json!({"userId": grace}));
    for (path, body, outdated) in [
        (task.as_str(), json!({"title": "new"}), vec![0, 1]),
        (&task, json!({"categoryId": category}), vec![0, 1, 3]),
        (&task, json!({"categoryId": null}), vec![0, 1, 3]),
        (&task, grace, vec![0, 1, 2]),
        (&ada, json!({"name": "Ada King"}), vec![0, 1, 2, 3, 4]),
    ] {
        copy(&app, &paths).await;
        app.put(path, body.clone()).await.data(200);
        for (place, list) in paths.iter().enumerate() {
            let status = app.get(list).await.header("x-cache").to_owned();
            let expected = if outdated.contains(&place) {
                "miss"
            } else {
                "hit"
            };
            assert_eq!(status, expected, "{list} after {path} {body}");
        }
    }
}

#[actix_web::test]
async fn delete_of_what_is_not_there_outdates_nothing() {
    let app = TestApp::start().await;
    copy(&app, &["/tasks", "/users"]).await;
    app.delete("/tasks/7").await.problem(404);
    app.delete("/users/7").await.problem(404);
    for path in ["/tasks", "/users"] {
        assert_eq!(app.get(path).await.header("x-cache"), "hit", "{path}");
    }
}

#[actix_web::test]
async fn marked_list_comes_from_the_primary_until_its_transaction_has_ended() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    copy(&app, &["/tasks", "/tasks?userId=1", "/tasks?userId=2"]).await;
    let (transaction, mark) = running(&app, "u1").await;
    redis.leave_mark("running", &mark).await;
    // Of a transaction that nobody can know: it belongs to another history, and counts as ended.
    redis
        .leave_mark("foreign", "0000000000000001-00000001-7 labels")
        .await;
    redis.leave_mark("unreadable", "of another version").await;

    let marked = app.get("/tasks?userId=1").await;
    assert_eq!(marked.header("x-cache"), "miss");
    assert_eq!(marked.header("x-served-from"), "primary");
    wait_until(
        "the marks are away whose transactions have ended",
        async || {
            app.get("/tasks?userId=1").await;
            redis.marks().await == [mark.clone()]
        },
    )
    .await;
    // The unreadable one stood for everything.
    until_hit(&app, "/tasks").await;
    until_hit(&app, "/tasks?userId=2").await;
    assert_eq!(app.get("/tasks?userId=1").await.header("x-cache"), "miss");

    transaction.rollback().await.unwrap();
    until_hit(&app, "/tasks?userId=1").await;
    assert_eq!(redis.marks().await, [""; 0]);
}

#[actix_web::test]
async fn mark_is_left_before_the_commit_and_taken_away_before_the_acknowledgement() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    let user = app.add_user("Ada").await;
    let id = app.create_task("before", user).await["id"].clone();
    app.delay_commits("pg_advisory_xact_lock(7)").await;
    copy(&app, &["/tasks"]).await;
    let mut lock = app.db.begin().await.unwrap();
    query("SELECT pg_advisory_xact_lock(7)")
        .execute(&mut *lock)
        .await
        .unwrap();
    let path = format!("/tasks/{id}");
    let write = app.put(&path, json!({"title": "after"}));
    let while_it_commits = async {
        wait_until("there is a mark", async || !redis.marks().await.is_empty()).await;
        let [mark] = &redis.marks().await[..] else {
            panic!("not one mark")
        };
        assert!(mark.ends_with(&format!(" all,u{user}")), "{mark}");
        assert_eq!(app.get("/tasks").await.header("x-served-from"), "primary");
        lock.rollback().await.unwrap();
    };
    let (answer, ()) = tokio::join!(write, while_it_commits);
    answer.data(200);
    assert_eq!(redis.marks().await, [""; 0]);
    assert_eq!(app.titles("").await, ["after"]);
}

#[actix_web::test]
async fn new_connection_is_trusted_only_after_what_ran_when_it_was_made() {
    let app = TestApp::start().await;
    let mut transaction = app.db.begin().await.unwrap();
    query("SELECT pg_current_xact_id()")
        .execute(&mut *transaction)
        .await
        .unwrap();
    // Its connections are as new as it is; the flag keeps the helper from waiting for them.
    let redis_url = app.settings.cache.redis_url.0.get_connection_info().addr();
    let url = format!("redis://{redis_url}");
    let new = app.sibling(&["--redis-url", &url]).await;
    for _ in 0..5 {
        assert_eq!(new.get("/tasks").await.header("x-cache"), "bypass");
    }
    transaction.rollback().await.unwrap();
    new.redis_connected().await;
    copy(&new, &["/tasks"]).await;
}

/// In a rolling update there are instances that know one generation for everything.
#[actix_web::test]
async fn generation_of_the_version_before_is_raised_and_heeded() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    let user = app.add_user("Ada").await;
    copy(&app, &["/tasks"]).await;
    redis.set(&redis.key("generation"), b"7").await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "miss");
    copy(&app, &["/tasks"]).await;

    // Such an instance writes, and raises what it knows.
    query("INSERT INTO tasks (title, user_id) VALUES ('written by it', $1)")
        .bind(user)
        .execute(&app.db)
        .await
        .unwrap();
    redis.set(&redis.key("generation"), b"8").await;
    assert_eq!(app.titles("").await, ["written by it"]);

    // It is told of what others write.
    app.create_task("told", user).await;
    let raised: u64 = redis.text("generation").await.unwrap().parse().unwrap();
    assert!(raised > 8);
    let position: i64 = redis.text("position").await.unwrap().parse().unwrap();
    assert_eq!(position, redis.position().await);
    copy(&app, &["/tasks"]).await;
}

#[actix_web::test]
async fn hash_of_scopes_has_a_bounded_number_of_fields() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    let users: Vec<i64> = query_scalar(
        "INSERT INTO users (id, name, email) OVERRIDING SYSTEM VALUE
         SELECT id, 'user', id || '@example.com'
         FROM unnest(ARRAY[1, 4097, 8193]) AS id RETURNING id",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    for user in users {
        app.create_task("of the same scope", user).await;
    }
    let scopes: Vec<String> = redis.scopes().await.into_keys().collect();
    assert_eq!(scopes, ["all", "epoch", "life", "position", "u1"]);
}
