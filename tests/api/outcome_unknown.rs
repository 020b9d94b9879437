//! Writes whose outcome is unknown: one was committed, but its position in the primary's log could not
//! be learnt, so a replica might not show it. It is not acknowledged, and announced as soon as the
//! position is known.

use crate::helpers::{Redis, TestApp, wait_until};
use serde_json::json;
use sqlx::{query_scalar, raw_sql};

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
async fn write_without_a_log_position_is_503_and_announced_once_the_position_is_known() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let other = app.sibling(&[]).await;
    other.get("/tasks").await;
    assert_eq!(other.get("/tasks").await.header("x-cache"), "hit");

    raw_sql(HIDE_POSITION).execute(&app.db).await.unwrap();
    let task = json!({"title": "committed", "userId": user});
    let answer = app.post("/tasks", task).await;
    let sentence = answer.problem(503);
    assert!(sentence.contains("may or may not"), "{sentence}");
    assert_eq!(answer.header("retry-after"), "1");

    // The generation was raised nevertheless; the position was not, so a replica may still be read from
    // that does not show the task.
    assert_eq!(other.get("/tasks").await.json()["total"], 1);
    let sql = "SELECT pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint";
    let committed: i64 = query_scalar(sql).fetch_one(&app.db).await.unwrap();
    let redis = Redis::of(&app).await;
    assert!(redis.position().await < committed);

    let show = "DROP FUNCTION public.pg_current_wal_insert_lsn()";
    raw_sql(show).execute(&app.db).await.unwrap();
    wait_until("the position is announced", async || {
        redis.position().await >= committed
    })
    .await;
    app.create_task("as before", user).await;
}
