//! `total` is how many there are, always, and keeping it makes no writer wait for another.

use crate::helpers::{Collection, TestApp, collections};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use std::sync::atomic::{AtomicBool, Ordering};

/// The collections beside the tasks, which are counted by status.
fn others() -> Vec<Collection> {
    let mut others = collections();
    others.retain(|collection| collection.path != "/tasks");
    others
}

/// The kept and the counted number of rows under each name in `row_counts`, in one snapshot.
async fn kept_and_counted(app: &TestApp) -> Vec<(String, i64, i64)> {
    let others: Vec<_> = others()
        .iter()
        .map(|collection| {
            let table = collection.table();
            format!("UNION ALL SELECT '{table}', count(*) FROM {table} ")
        })
        .collect();
    let sql = format!(
        "SELECT kept.counted, kept.n::bigint, coalesce(counts.n, 0)
         FROM (SELECT counted, sum(n) AS n FROM row_counts GROUP BY counted) kept
         LEFT JOIN (
             SELECT 'tasks.' || status AS counted, count(*) AS n FROM tasks GROUP BY status
             {}
         ) counts USING (counted)
         ORDER BY counted",
        others.concat()
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_all(&app.db)
        .await
        .unwrap()
}

/// Checks the kept numbers and what the API makes of them; returns the number of tasks.
async fn assert_right(app: &TestApp, after: &str) -> i64 {
    let numbers = kept_and_counted(app).await;
    assert_eq!(numbers.len(), 3 + others().len());
    for (what, kept, counted) in &numbers {
        assert_eq!(kept, counted, "{what} after {after}");
    }
    // An instance without a cache: statements that bypass the API announce nothing.
    let fresh = TestApp::sibling(app, &["--redis-url", "redis://127.0.0.1:1"]).await;
    let number = |what: &str| numbers.iter().find(|(name, ..)| name == what).unwrap().2;
    let mut all = 0;
    for status in ["pending", "in-progress", "completed"] {
        let list = fresh.get(&format!("/tasks?status={status}")).await.json();
        assert_eq!(
            list["total"],
            number(&format!("tasks.{status}")),
            "{status} after {after}"
        );
        all += list["total"].as_i64().unwrap();
    }
    assert_eq!(
        fresh.get("/tasks").await.json()["total"],
        all,
        "after {after}"
    );
    for collection in others() {
        let total = fresh.get(&collection.path).await.json()["total"].clone();
        let table = collection.table();
        assert_eq!(total, number(table), "{table} after {after}");
    }
    all
}

#[actix_web::test]
async fn totals_are_right_while_many_write_at_once() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let done = AtomicBool::new(false);
    let writer = async |number: usize| {
        for round in 0..6 {
            let task = app.create_task(&format!("{number}.{round}"), user).await;
            let path = format!("/tasks/{}", task["id"]);
            for status in ["in-progress", "completed", "pending", "completed"] {
                app.put(&path, json!({"status": status})).await.data(200);
            }
            app.put(&path, json!({"title": "the same status"}))
                .await
                .data(200);
            if round % 3 == 0 {
                assert_eq!(app.delete(&path).await.status, 200);
            }
            let category = app.create_category("Chores").await;
            if round % 2 == 0 {
                app.put(&path, json!({"categoryId": category})).await;
                assert_eq!(
                    app.delete(&format!("/categories/{category}")).await.status,
                    200
                );
            }
        }
    };
    let watcher = async {
        let mut looks = 0;
        while !done.load(Ordering::Relaxed) {
            for (what, kept, counted) in kept_and_counted(&app).await {
                assert_eq!(kept, counted, "{what} while writers write");
            }
            looks += 1;
        }
        looks
    };
    let writers = async {
        join_all((0..10).map(writer)).await;
        done.store(true, Ordering::Relaxed);
    };
    let (looks, ()) = futures_util::future::join(watcher, writers).await;
    assert!(looks > 3, "looked only {looks} times");
    assert_eq!(assert_right(&app, "all").await, 40);
    assert_eq!(app.get("/tasks?status=completed").await.json()["total"], 40);
    assert_eq!(app.get("/categories").await.json()["total"], 30);
}

#[actix_web::test]
async fn totals_are_right_after_any_statement_in_the_database() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.add_user("Ada").await, app.add_user("Grace").await);
    app.create_category("Chores").await;
    let fill = "INSERT INTO tasks (title, status, user_id)
                SELECT n, (ARRAY['pending', 'in-progress', 'completed'])[1 + n % 3], 1 + n % 2
                FROM generate_series(1, 100) n";
    let mut expected = 0;
    for (statement, change) in [
        (fill, 100),
        ("UPDATE tasks SET status = 'completed' WHERE id % 5 = 0", 0),
        ("UPDATE tasks SET status = status, title = title || '!'", 0),
        ("UPDATE tasks SET status = 'pending' WHERE false", 0),
        ("INSERT INTO tasks (title) SELECT 'x' WHERE false", 0),
        ("DELETE FROM tasks WHERE id <= 10", -10),
        ("DELETE FROM tasks WHERE false", 0),
        ("BEGIN; DELETE FROM tasks; DELETE FROM users; ROLLBACK", 0),
        (
            "BEGIN; SAVEPOINT s; DELETE FROM tasks; ROLLBACK TO s; INSERT INTO tasks (title) VALUES ('x'); COMMIT",
            1,
        ),
        (
            "WITH gone AS (DELETE FROM tasks WHERE id <= 20 RETURNING title) INSERT INTO tasks (title) SELECT title FROM gone",
            0,
        ),
        (
            "INSERT INTO users (name, email) VALUES ('x', 'x@y.z') ON CONFLICT DO NOTHING",
            0,
        ),
        (
            "INSERT INTO users (name, email) VALUES ('x', 'X@y.z') ON CONFLICT DO NOTHING",
            0,
        ),
        ("TRUNCATE users, tasks", -91),
        ("TRUNCATE categories CASCADE", 0),
    ] {
        let mut connection = app.db.acquire().await.unwrap();
        connection.execute(sqlx::raw_sql(statement)).await.unwrap();
        drop(connection);
        expected += change;
        assert_eq!(assert_right(&app, statement).await, expected, "{statement}");
        if statement == fill {
            // What a deleted user leaves behind still counts.
            assert_eq!(app.delete(&format!("/users/{ada}")).await.status, 200);
            assert_eq!(app.delete(&format!("/users/{grace}")).await.status, 200);
            assert_eq!(assert_right(&app, "deleting users").await, 100);
        }
    }
}

/// Connections whose server processes keep different shards of the counts.
async fn two_connections(app: &TestApp) -> (PgConnection, PgConnection) {
    let shard = async |connection: &mut PgConnection| -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid() % 64")
            .fetch_one(connection)
            .await
            .unwrap()
    };
    let options = app.db.connect_options();
    let mut first = PgConnection::connect_with(&options).await.unwrap();
    let mut others = Vec::new();
    loop {
        let mut second = PgConnection::connect_with(&options).await.unwrap();
        if shard(&mut first).await != shard(&mut second).await {
            return (first, second);
        }
        // Kept open, so that the next one is another process.
        others.push(second);
    }
}

#[actix_web::test]
async fn concurrent_writers_do_not_wait_for_each_other_s_counters() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    for title in ["first", "second"] {
        app.create_task(title, user).await;
    }
    let (mut first, mut second) = two_connections(&app).await;
    for connection in [&mut first, &mut second] {
        connection.execute("SET lock_timeout = '1s'").await.unwrap();
    }
    let statements = |title: &str| {
        [
            format!("INSERT INTO tasks (title, user_id) VALUES ('{title}', {user})"),
            format!("UPDATE tasks SET status = 'completed' WHERE title = '{title}'"),
            "INSERT INTO categories (name) VALUES ('Chores')".to_owned(),
            format!("INSERT INTO users (name, email) VALUES ('x', '{title}@example.com')"),
            format!("DELETE FROM tasks WHERE title = '{title}'"),
        ]
    };
    let pairs = statements("first").into_iter().zip(statements("second"));
    first.execute("BEGIN").await.unwrap();
    second.execute("BEGIN").await.unwrap();
    for (one, other) in pairs {
        // Neither has committed: a transaction that had to wait would run into lock_timeout.
        first.execute(sqlx::AssertSqlSafe(one)).await.unwrap();
        second.execute(sqlx::AssertSqlSafe(other)).await.unwrap();
    }
    second.execute("COMMIT").await.unwrap();
    first.execute("COMMIT").await.unwrap();
    assert_eq!(assert_right(&app, "two transactions at once").await, 0);
}

#[actix_web::test]
async fn page_and_total_are_of_one_snapshot() {
    let app = TestApp::start_with(&["--redis-url", "redis://127.0.0.1:1"]).await;
    let user = app.add_user("Ada").await;
    let done = AtomicBool::new(false);
    let writer = async {
        for number in 0..60 {
            let task = app.create_task(&number.to_string(), user).await;
            if number % 2 == 0 {
                app.delete(&format!("/tasks/{}", task["id"])).await.json();
            }
        }
        done.store(true, Ordering::Relaxed);
    };
    let reader = async {
        let mut totals = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let list: Value = app.get("/tasks?limit=100").await.json();
            assert_eq!(list["total"], list["data"].as_array().unwrap().len());
            totals.push(list["total"].as_i64().unwrap());
        }
        totals.dedup();
        assert!(totals.len() > 5, "{totals:?}");
    };
    futures_util::future::join(writer, reader).await;
    assert_eq!(app.get("/tasks").await.json()["total"], 30);
}
