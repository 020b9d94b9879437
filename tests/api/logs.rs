//! What the program logs, and what it never does; how it ends where its settings are wrong.

use crate::helpers::{TestApp, send, servers};
use crate::process::{Process, Wrong};
use crate::shape::keys;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use std::collections::BTreeSet;

/// The facts of an access line in JSON.
const FACTS: &str = "cache client durationMs instance level message method path pid requestId \
                     route status target time";

/// The access lines among some lines of JSON.
fn access(lines: &[String]) -> Vec<Value> {
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["target"] == "access").collect()
}

#[actix_web::test]
async fn request_is_logged_as_one_line_of_json() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let task = app.create_task("Sweep", user).await["id"].clone();
    let process = Process::serve(&app, &[("LOG_FORMAT", "json"), ("INSTANCE", "blue-7")]).await;
    let expected = [
        (Method::GET, "/tasks".to_owned(), "/tasks", 200, "miss"),
        (
            Method::GET,
            "/tasks?page=1".to_owned(),
            "/tasks",
            200,
            "hit",
        ),
        (
            Method::GET,
            format!("/tasks/{task}"),
            "/tasks/{id}",
            200,
            "-",
        ),
        (
            Method::HEAD,
            "/users?limit=1".to_owned(),
            "/users",
            200,
            "miss",
        ),
        (
            Method::DELETE,
            "/categories/999".to_owned(),
            "/categories/{id}",
            404,
            "-",
        ),
        (
            Method::GET,
            "/no%20where?secret=1".to_owned(),
            "-",
            404,
            "-",
        ),
        (Method::PATCH, "/tasks".to_owned(), "/tasks", 405, "-"),
        (Method::GET, "/tasks?page=0".to_owned(), "/tasks", 400, "-"),
    ];
    for (number, (method, path, ..)) in expected.iter().enumerate() {
        let request = process.request(method.clone(), path);
        send(request.header("x-request-id", format!("request-{number}"))).await;
    }
    let lines = access(&process.end().await);
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (number, (line, (method, path, route, status, cache))) in
        lines.iter().zip(expected).enumerate()
    {
        assert_eq!(keys(line), FACTS);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["instance"], "blue-7");
        assert_eq!(line["method"], method.as_str());
        assert_eq!(line["route"], route, "{path}");
        assert_eq!(line["path"], path.split('?').next().unwrap());
        assert_eq!(line["status"], status, "{path}");
        assert_eq!(line["cache"], cache, "{path}");
        assert_eq!(line["requestId"], format!("request-{number}"));
        assert_eq!(line["client"], "127.0.0.1");
        assert!(
            line["pid"]
                .as_u64()
                .is_some_and(|pid| pid != u64::from(std::process::id()))
        );
        assert!(
            line["durationMs"]
                .as_f64()
                .is_some_and(|took| (0.0..60_000.0).contains(&took))
        );
        let time = line["time"].as_str().unwrap();
        assert!(
            time.ends_with('Z') && time.parse::<chrono::DateTime<chrono::Utc>>().is_ok(),
            "{time}"
        );
    }
}

#[actix_web::test]
async fn pretty_line_has_the_fields_of_the_json_line() {
    let app = TestApp::start().await;
    let process = Process::serve(&app, &[("LOG_FORMAT", "pretty"), ("INSTANCE", "blue-7")]).await;
    let pid = process.id();
    let request = process.request(Method::GET, "/tasks/7?x=1");
    send(request.header("x-request-id", "request-1")).await;
    let lines = process.end().await;
    let line = lines
        .iter()
        .find(|line| line.contains("request-1"))
        .unwrap();
    for fact in [
        &*format!(" INFO  blue-7[{pid}] access: "),
        "method=GET",
        "route=/tasks/{id}",
        "path=/tasks/7 ",
        "status=404",
        "durationMs=",
        "cache=-",
        "requestId=request-1",
        "client=127.0.0.1",
    ] {
        assert!(line.contains(fact), "no {fact} in {line:?}");
    }
    assert!(
        !line.contains('\u{1b}'),
        "no colours where standard output is no terminal: {line:?}"
    );
}

#[actix_web::test]
async fn health_checks_are_logged_at_level_debug() {
    let app = TestApp::start().await;
    for (level, expected) in [("info", 0), ("debug", 2)] {
        let settings = [("LOG_FORMAT", "json"), ("LOG_LEVEL", level)];
        let process = Process::serve(&app, &settings).await;
        for path in ["/health/live", "/health/ready"] {
            send(process.request(Method::GET, path)).await;
        }
        assert_eq!(access(&process.end().await).len(), expected, "{level}");
    }
}

#[actix_web::test]
async fn app_env_decides_the_default_log_format() {
    let app = TestApp::start().await;
    for (settings, is_json) in [
        (&[("APP_ENV", "production")][..], true),
        (&[("APP_ENV", "development")], false),
        (&[], false),
        (
            &[("APP_ENV", "production"), ("LOG_FORMAT", "pretty")],
            false,
        ),
        (&[("APP_ENV", "development"), ("LOG_FORMAT", "json")], true),
    ] {
        let lines = Process::serve(&app, settings).await.end().await;
        assert!(!lines.is_empty());
        for line in lines {
            assert_eq!(
                serde_json::from_str::<Value>(&line).is_ok(),
                is_json,
                "{settings:?}: {line}"
            );
        }
    }
}

/// Everything is logged, of requests that succeed and that fail in every way, and of servers that
/// refuse the password that they are given.
#[actix_web::test]
async fn no_secret_is_ever_logged() {
    let secret = "hunter2";
    let app = TestApp::start().await;
    sqlx::raw_sql("ALTER TABLE categories ADD CHECK (name <> 'hunter2-boom')")
        .execute(&app.db)
        .await
        .unwrap();
    let levels = [("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json")];
    let mut lines = Vec::new();
    let postgres = &servers().postgres;
    let wrong_password = postgres.clone().password(secret).to_url_lossy().to_string();
    let redis = servers().redis.trim_start_matches("redis://");
    let wrong_redis = format!("redis://:{secret}@{redis}");
    for database in [&*wrong_password, "postgres://u:hunter2@127.0.0.1:1/d"] {
        let wrong = [("DATABASE_URL", database), ("DATABASE_WAIT_SECONDS", "1")];
        let ended = Process::fail("serve", &[&levels[..], &wrong].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let sentence = "Gave up after 1 s (DATABASE_WAIT_SECONDS): PostgreSQL is unavailable";
        assert!(ended.error.starts_with(sentence), "{ended:?}");
        assert!(!ended.error.contains(secret), "{ended:?}");
        let waited = "PostgreSQL cannot be reached yet";
        assert!(ended.output.matches(waited).count() >= 3, "{ended:?}");
        lines.extend(ended.output.lines().map(str::to_owned));
    }
    for more in [
        &[][..],
        &[("REDIS_URL", &*wrong_redis)],
        &[("REDIS_URL", "redis://:hunter2@127.0.0.1:1")],
    ] {
        let process = Process::serve(&app, &[&levels, more].concat()).await;
        let ask = async |method: Method, path: &str, body: Value| {
            let request = process.request(method, path);
            send(
                request
                    .header("authorization", format!("Bearer {secret}"))
                    .json(&body),
            )
            .await
            .status
        };
        let email = "hunter2@example.com";
        let user = json!({"name": "hunter2 Ada", "email": email, "password": "hunter2-password"});
        let statuses = [
            ask(Method::POST, "/users", user.clone()).await,
            ask(Method::POST, "/users", user).await,
            ask(
                Method::PUT,
                "/users/1",
                json!({"password": "hunter2-again", "email": "hunter2"}),
            )
            .await,
            ask(
                Method::POST,
                "/tasks",
                json!({"title": "hunter2", "userId": 999}),
            )
            .await,
            ask(
                Method::POST,
                "/tasks",
                json!({"title": "hunter2", "hunter2": "\0"}),
            )
            .await,
            ask(Method::POST, "/categories", json!({"name": "hunter2-boom"})).await,
            ask(Method::POST, "/categories", json!("hunter2")).await,
            ask(Method::GET, "/tasks?search=hunter2", json!(null)).await,
            ask(Method::GET, "/tasks?page=hunter2", json!(null)).await,
        ];
        let first = if more.is_empty() { 201 } else { 409 };
        assert_eq!(
            statuses.map(|status| status.as_u16()),
            [first, 409, 400, 400, 400, 500, 400, 200, 400]
        );
        lines.extend(process.end().await);
    }
    let targets: BTreeSet<_> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect(line)["target"].to_string())
        .collect();
    assert!(
        targets.len() > 3,
        "at this level others log too: {targets:?}"
    );
    for line in lines {
        assert!(!line.to_lowercase().contains(secret), "{line}");
    }
}

#[test]
fn invalid_setting_exits_with_one_sentence() {
    let database = "postgres://u:hunter2@localhost/d";
    for (settings, sentence) in [
        (
            &[][..],
            "DATABASE_URL is not set; see taskfleet --help for what it has to be.",
        ),
        (
            &[("DATABASE_URL", "mysql://u:hunter2@localhost/d")],
            "DATABASE_URL has a wrong value (not shown here); it must be a URL such as \
             postgres://user:password@host:5432/database.",
        ),
        (
            &[("DATABASE_URL", database), ("REDIS_URL", "hunter2")],
            "REDIS_URL has a wrong value (not shown here); it must be a URL such as \
             redis://user:password@host:6379.",
        ),
        (
            &[("DATABASE_URL", database), ("PORT", "65536")],
            "PORT is \"65536\", but must be a whole number from 0 to 65535.",
        ),
        (
            &[("DATABASE_URL", database), ("LOG_LEVEL", "loud")],
            "LOG_LEVEL is \"loud\", but must be one of off, error, warn, info, debug, trace.",
        ),
        (
            &[("DATABASE_URL", database), ("APP_ENV", "staging")],
            "APP_ENV is \"staging\", but must be one of development, production.",
        ),
        (
            &[("DATABASE_URL", database), ("LOG_FORMAT", "")],
            "LOG_FORMAT is empty, but must be one of pretty, json.",
        ),
        (
            &[("DATABASE_URL", database), ("REDIS_TIMEOUT_MS", "soon")],
            "REDIS_TIMEOUT_MS is \"soon\", but must be a whole number from 1 to 1000.",
        ),
    ] {
        let Wrong {
            code,
            output,
            error,
        } = Process::fail("serve", settings);
        assert_eq!(
            (code, &*output, &*error),
            (Some(2), "", &*format!("{sentence}\n")),
            "{settings:?}"
        );
    }
}

#[test]
fn openapi_role_needs_no_setting() {
    let Wrong {
        code,
        output,
        error,
    } = Process::fail("openapi", &[]);
    assert_eq!((code, &*error), (Some(0), ""));
    assert_eq!(output, taskfleet::openapi::json());
}
