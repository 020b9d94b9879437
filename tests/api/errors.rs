//! What is wrong with a request is told in a sentence, with the right status, and never as a 500.
//! Broken bodies are in `bodies.rs`.

use crate::helpers::{TestApp, collections, send};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

const ID_RULE: &str = "must be a whole number from 1 to 9223372036854775807";

#[actix_web::test]
async fn invalid_id_in_a_path_is_400() {
    let app = TestApp::start().await;
    for id in [
        "0",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "abc",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
        "%00",
        "1%00",
        "%20",
        "%FF",
        "%zz",
        "1%2F2",
        "\u{661}",
        "null",
    ] {
        for collection in collections() {
            let path = collection.item(id);
            for answer in [
                app.get(&path).await,
                app.put(&path, json!({"name": "x"})).await,
                app.delete(&path).await,
            ] {
                assert_eq!(answer.invalid_paths(), ["id"], "{path}");
                assert_eq!(answer.problem(400), format!("id {ID_RULE}."), "{path}");
            }
        }
    }
}

#[actix_web::test]
async fn invalid_parameter_is_400_with_its_rule() {
    let app = TestApp::start().await;
    let page_rule = "must be a whole number from 1 to 2147483647";
    let limit_rule = "must be a whole number from 1 to 100";
    let status_rule = "must be one of pending, in-progress, completed";
    for (parameter, bad, rule) in [
        (
            "page",
            &[
                "0",
                "-1",
                "2147483648",
                "99999999999999999999",
                "1.5",
                "",
                "x",
                "%00",
            ][..],
            page_rule,
        ),
        ("limit", &["0", "101", "-5", "", "ten", "1e1"], limit_rule),
        (
            "status",
            &["open", "", "Pending", "in_progress", "pending,completed"],
            status_rule,
        ),
        (
            "userId",
            &["0", "-1", "9223372036854775808", "", "null", "1;2"],
            ID_RULE,
        ),
        (
            "categoryId",
            &["0", "-1", "9223372036854775808", "", "x"],
            ID_RULE,
        ),
        (
            "sort",
            &["", "ASC", "up", "title"],
            "must be one of asc, desc",
        ),
        (
            "search",
            &["%00", "a%00b"],
            "must not contain the NUL character",
        ),
    ] {
        for value in bad {
            let answer = app.get(&format!("/tasks?{parameter}={value}")).await;
            assert_eq!(answer.invalid_paths(), [parameter], "{value:?}");
            assert_eq!(
                answer.problem(400),
                format!("{parameter} {rule}."),
                "{value:?}"
            );
        }
        if ["page", "limit"].contains(&parameter) {
            for collection in collections() {
                let path = collection.path;
                let answer = app.get(&format!("{path}?{parameter}={}", bad[0])).await;
                assert_eq!(answer.problem(400), format!("{parameter} {rule}."));
            }
        }
    }
}

#[actix_web::test]
async fn unknown_or_repeated_parameter_is_400() {
    let app = TestApp::start().await;
    let paging = "is not a parameter here; the parameters are page, limit";
    let all = "is not a parameter here; the parameters are status, userId, categoryId, search, \
               sort, page, limit";
    for (path, parameter, rule) in [
        ("/tasks?colour=red", "colour", all),
        ("/tasks?Page=1", "Page", all),
        ("/tasks?user_id=1", "user_id", all),
        ("/users?search=x", "search", paging),
        ("/categories?sort=asc", "sort", paging),
        ("/tasks?page=1&page=1", "page", "must be there only once"),
        (
            "/tasks?status=pending&page=1&status=completed",
            "status",
            "must be there only once",
        ),
        ("/users?limit=1&limit=2", "limit", "must be there only once"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.invalid_paths(), [parameter], "{path}");
        assert_eq!(
            answer.problem(400),
            format!("{parameter} {rule}."),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn query_that_is_not_utf_8_is_400() {
    let app = TestApp::start().await;
    for query in [
        "search=%ff",
        "search=a%C3",
        "%FF=1",
        "search=%ED%A0%80",
        "page=1&search=%C0%80",
    ] {
        for collection in collections() {
            let path = format!("{}?{query}", collection.path);
            let sentence = app.get(&path).await.problem(400);
            assert_eq!(
                sentence,
                "The query string is not UTF-8 after percent-decoding."
            );
        }
    }
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = TestApp::start().await;
    let query = "?status=x&userId=0&categoryId=y&search=&sort=z&page=0&limit=1000&colour=red";
    let answer = app.get(&format!("/tasks{query}")).await;
    let paths = [
        "categoryId",
        "colour",
        "limit",
        "page",
        "search",
        "sort",
        "status",
        "userId",
    ];
    assert_eq!(answer.invalid_paths(), paths);
    let sentence = answer.problem(400);
    assert!(
        paths.iter().all(|path| sentence.contains(path)),
        "{sentence}"
    );

    let task = json!({
        "title": "", "description": "x".repeat(1001), "status": "x", "userId": -1,
        "categoryId": "x", "colour": "red",
    });
    let paths = [
        "categoryId",
        "colour",
        "description",
        "status",
        "title",
        "userId",
    ];
    assert_eq!(
        app.post("/tasks", task.clone()).await.invalid_paths(),
        paths
    );
    assert_eq!(app.put("/tasks/1", task).await.invalid_paths(), paths);
    assert_eq!(
        app.post("/tasks", json!({})).await.invalid_paths(),
        ["title", "userId"]
    );

    let user = json!({"name": "", "email": "x", "password": "12345", "role": "admin"});
    let paths = ["email", "name", "password", "role"];
    assert_eq!(
        app.post("/users", user.clone()).await.invalid_paths(),
        paths
    );
    assert_eq!(app.put("/users/1", user).await.invalid_paths(), paths);
    let paths = ["email", "name", "password"];
    assert_eq!(app.post("/users", json!({})).await.invalid_paths(), paths);

    let answer = app.post("/categories", json!({"name": 7, "id": 1})).await;
    assert_eq!(answer.invalid_paths(), ["id", "name"]);
}

#[actix_web::test]
async fn unknown_path_is_404() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/nothing",
        "/tasks/",
        "/tasks/1/2",
        "//tasks",
        "/Tasks",
        "/task",
        "/health/x",
        "/api",
        "/%ff",
        "/tasks%00",
        "/..%2f..%2fetc/passwd",
        "/.env",
        "/docs/nothing.js",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = send(app.request(method.clone(), path)).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            let sentence = answer.problem(404);
            assert_eq!(
                sentence,
                "There is nothing at this path; /docs describes what there is."
            );
        }
    }
}

#[actix_web::test]
async fn unsupported_method_is_405_with_allow() {
    let app = TestApp::start().await;
    let of_collections = collections().into_iter().flat_map(|collection| {
        let item = collection.item(1);
        [
            (collection.path, "GET, HEAD, POST"),
            (item, "GET, HEAD, PUT, DELETE"),
        ]
    });
    let read_only = [
        "/health",
        "/health/live",
        "/health/ready",
        "/api/status",
        "/openapi.json",
    ];
    let read_only = read_only.map(|path| (path.to_owned(), "GET, HEAD"));
    for (path, allowed) in of_collections.chain(read_only) {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get",
            "QUERY",
        ] {
            let parsed = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(app.request(parsed, &path)).await;
            if allowed.split(", ").any(|allowed| allowed == method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                let sentence = answer.problem(405);
                assert_eq!(
                    sentence,
                    format!("This path takes only {allowed}."),
                    "{method}"
                );
                assert_eq!(answer.header("allow"), allowed, "{method} {path}");
            }
        }
    }
}

#[actix_web::test]
async fn requests_without_postgresql_are_503_with_retry_after() {
    let app = TestApp::start_with(&["--database-url", "postgres://u:p@127.0.0.1:1/d"]).await;
    let sentence = "The database is out of reach at the moment; try again in a second.";
    let started = Instant::now();
    let of_collections = collections().into_iter().flat_map(|collection| {
        let item = collection.item(1);
        [
            app.request(Method::GET, &collection.path),
            app.request(Method::GET, &item),
            app.request(Method::DELETE, &item),
        ]
    });
    let others = [
        app.request(Method::GET, "/tasks?search=x"),
        app.request(Method::POST, "/tasks")
            .json(&json!({"title": "Mop", "userId": 1})),
        app.request(Method::PUT, "/categories/1")
            .json(&json!({"name": "Chores"})),
    ];
    let answers = futures_util::future::join_all(of_collections.chain(others).map(send)).await;
    for answer in answers {
        assert_eq!(answer.problem(503), sentence);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    // What is wrong with a request is told nevertheless.
    app.get("/tasks?page=0").await.problem(400);
}

#[actix_web::test]
async fn unforeseen_database_error_is_500_without_its_cause() {
    let app = TestApp::start().await;
    sqlx::query("ALTER TABLE categories ADD CONSTRAINT unforeseen CHECK (name <> 'Chores')")
        .execute(&app.db)
        .await
        .unwrap();
    let answer = app.post("/categories", json!({"name": "Chores"})).await;
    let sentence = "The server failed to answer; its log has the cause under the request id.";
    assert_eq!(answer.problem(500), sentence);
    assert!(!answer.text.contains("unforeseen"), "{answer:?}");
}

#[actix_web::test]
async fn errors_are_sent_with_no_store() {
    let app = TestApp::start().await;
    for path in ["/tasks/1", "/nothing", "/tasks?page=0"] {
        assert_eq!(
            app.get(path).await.header("cache-control"),
            "no-store",
            "{path}"
        );
    }
}
