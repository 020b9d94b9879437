//! Writes whose outcome is unknown are not acknowledged, but announced: one was committed, but its
//! position in the primary's log could not be learnt, so a replica might not show it; of the other, the
//! answer to the commit was lost.

use crate::helpers::{Proxy, Redis, TestApp, wait_until};
use serde_json::json;
use sqlx::{ConnectOptions, query_scalar, raw_sql};

/// Puts a failing function before the server's own of the same name, on new connections.
const HIDE_POSITION: &str = "
    CREATE FUNCTION public.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'the position is hidden'; END $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
    END $$;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%pg_current_wal_insert_lsn%'
      AND pid <> pg_backend_pid()";

#[actix_web::test]
async fn write_without_a_log_position_is_503_and_shown_by_its_mark_until_others_announce_it() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let other = app.sibling(&[]).await;
    other.get("/tasks").await;
    assert_eq!(other.get("/tasks").await.header("x-cache"), "hit");

    raw_sql(HIDE_POSITION).execute(&app.db).await.unwrap();
    let task = json!({"title": "committed", "userId": user});
    let answer = app.post("/tasks", task).await;
    assert_eq!(answer.json()["code"], "outcome_unknown");
    let sentence = answer.problem(503);
    assert!(sentence.contains("may or may not"), "{sentence}");
    assert_eq!(answer.header("retry-after"), "1");

    // Its mark is still there: whoever looks is told the truth, by the primary.
    let redis = Redis::of(&app).await;
    assert_eq!(redis.marks().await.len(), 1);
    let list = other.get("/tasks").await;
    assert_eq!(list.json()["total"], 1);
    assert_eq!(list.header("x-served-from"), "primary");

    let show = "DROP FUNCTION public.pg_current_wal_insert_lsn()";
    raw_sql(show).execute(&app.db).await.unwrap();
    let sql = "SELECT pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint";
    let committed: i64 = query_scalar(sql).fetch_one(&app.db).await.unwrap();
    wait_until(
        "somebody who saw the mark has announced in its stead",
        async || {
            other.get("/tasks").await;
            redis.marks().await.is_empty()
        },
    )
    .await;
    assert!(redis.position().await >= committed);
    other.get("/tasks").await;
    assert_eq!(other.get("/tasks").await.header("x-cache"), "hit");
    app.create_task("as before", user).await;
}

#[actix_web::test]
async fn write_whose_connection_breaks_during_the_commit_is_503_and_announced_nevertheless() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let id = app.create_task("before", user).await["id"].clone();
    app.delay_commits("pg_sleep(1)").await;
    let database = app.settings.database.database_url.0.clone();
    let upstream = format!("{}:{}", database.get_host(), database.get_port());
    let proxy = Proxy::start(&upstream).await;
    let url = database.host("127.0.0.1").port(proxy.port()).to_url_lossy();
    let writer = app.sibling(&["--database-url", url.as_str()]).await;
    writer.redis_connected().await;
    app.get("/tasks").await;
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");

    let path = format!("/tasks/{id}");
    let write = writer.put(&path, json!({"title": "after"}));
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
    answer.problem(503);
    assert_eq!(answer.json()["code"], "outcome_unknown");
    // A copy of the list as it still is, which nothing but an announcement outdates in time.
    app.get("/tasks").await;
    wait_until("the list shows the write", async || {
        app.titles("").await == ["after"]
    })
    .await;
}

#[actix_web::test]
async fn write_is_acknowledged_where_the_connection_for_positions_has_died() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.create_task("with the connections that are there", user)
        .await;
    let ended: Vec<bool> = query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE '%pg_current_wal_insert_lsn%'
           AND pid <> pg_backend_pid()",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    assert!(!ended.is_empty());
    for _ in 0..4 {
        app.create_task("with others", user).await;
    }
}
