//! `/health` and `/api/status`.

use crate::helpers::{Redis, TestApp, wait_until};
use crate::shape::{self, keys};
use serde_json::{Value, json};

const NO_REDIS: &str = "redis://127.0.0.1:1";
const NO_POSTGRES: &str = "postgres://u:p@127.0.0.1:1/d";

/// The status and the body of `/health/ready`.
async fn readiness(app: &TestApp) -> (u16, Value) {
    let answer = app.get("/health/ready").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let status = answer.status.as_u16();
    assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
    (status, answer.json())
}

#[actix_web::test]
async fn health_has_instance_version_uptime_and_timestamp() {
    let app = TestApp::start_with(&["--instance", "blue-7"]).await;
    let answer = app.get("/health").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let health = answer.json();
    assert_eq!(
        keys(&health),
        "instance status timestamp uptime version worker"
    );
    assert_eq!(health["status"], "ok");
    assert_eq!(health["instance"], "blue-7");
    assert_eq!(health["worker"], std::process::id());
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    shape::assert_timestamp(&health["timestamp"]);
    let uptime = |health: &Value| health["uptime"].as_f64().unwrap();
    let later = app.get("/health").await.json();
    assert!(0.0 < uptime(&health) && uptime(&health) < uptime(&later));
    assert!(health["timestamp"].as_str() <= later["timestamp"].as_str());
}

#[actix_web::test]
async fn liveness_is_200_without_postgresql_and_redis() {
    let app = TestApp::start_with(&["--database-url", NO_POSTGRES, "--redis-url", NO_REDIS]).await;
    app.instance.drain();
    let answer = app.get("/health/live").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(app.get("/health").await.status, 200);
    assert_eq!(app.get("/api/status").await.status, 200);
}

#[actix_web::test]
async fn status_has_version_environment_and_process_id() {
    for environment in ["development", "production"] {
        let app = TestApp::start_with(&["--app-env", environment]).await;
        let status = app.get("/api/status").await.json();
        let expected = json!({
            "message": "taskfleet is running.",
            "version": env!("CARGO_PKG_VERSION"),
            "environment": environment,
            "worker": std::process::id(),
        });
        assert_eq!(status, expected);
    }
}

#[actix_web::test]
async fn readiness_with_postgresql_and_redis_is_200_ok() {
    let app = TestApp::start().await;
    let ready = json!({"status": "ok", "postgres": "ok", "redis": "ok"});
    assert_eq!(readiness(&app).await, (200, ready));
}

#[actix_web::test]
async fn readiness_without_redis_is_200_degraded() {
    let app = TestApp::start_with(&["--redis-url", NO_REDIS]).await;
    let degraded = json!({"status": "degraded", "postgres": "ok", "redis": "unavailable"});
    assert_eq!(readiness(&app).await, (200, degraded));
}

#[actix_web::test]
async fn readiness_without_postgresql_is_503() {
    let app = TestApp::start_with(&["--database-url", NO_POSTGRES]).await;
    let unavailable =
        json!({"status": "unavailable", "postgres": "unavailable", "redis": "unavailable"});
    assert_eq!(readiness(&app).await, (503, unavailable));
}

#[actix_web::test]
async fn readiness_without_all_migrations_is_503() {
    let app = TestApp::start().await;
    let not_migrated = json!({"status": "unavailable", "postgres": "not migrated", "redis": "ok"});
    let execute = async |sql: &'static str| {
        sqlx::query(sql).execute(&app.db).await.unwrap();
    };
    // A newer version of the program has migrated the database: no obstacle.
    execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'newer', true, '', 0)",
    )
    .await;
    assert_eq!(readiness(&app).await.0, 200);
    execute("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    // Only an older version has migrated it.
    execute(
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
    )
    .await;
    assert_eq!(readiness(&app).await, (503, not_migrated.clone()));
    // No version has.
    execute("DROP TABLE _sqlx_migrations").await;
    assert_eq!(readiness(&app).await, (503, not_migrated));
}

#[actix_web::test]
async fn draining_instance_is_503_and_closes_connections() {
    let app = TestApp::start().await;
    assert!(!app.get("/tasks").await.headers.contains_key("connection"));
    app.instance.drain();
    let draining = json!({"status": "draining", "postgres": "ok", "redis": "ok"});
    assert_eq!(readiness(&app).await, (503, draining));
    // It answers all the same.
    for path in [
        "/tasks",
        "/health/ready",
        "/health",
        "/nothing",
        "/openapi.json",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("connection"), "close", "{path}");
    }
    app.create_category("Chores").await;
}

#[actix_web::test]
async fn health_checks_write_nothing() {
    let app = TestApp::start().await;
    let redis = Redis::of(&app).await;
    app.get("/tasks").await;
    wait_until("the list is stored", || async {
        redis.entry("tasks:1:10").await.is_some()
    })
    .await;
    let before = redis.scopes().await;
    for path in ["/health", "/health/live", "/health/ready", "/api/status"] {
        for _ in 0..3 {
            assert_eq!(app.get(path).await.status, 200);
        }
    }
    assert_eq!(redis.scopes().await, before);
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
}
