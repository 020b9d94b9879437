//! Every problem has a stable code, by which a program can tell what to do.

use crate::helpers::{Answer, TestApp, send};
use reqwest::Method;
use serde_json::{Value, json};

/// Checks an answer's status and code.
fn assert_code(answer: &Answer, status: u16, code: &str) {
    answer.problem(status);
    assert_eq!(answer.json()["code"], code, "{answer:?}");
}

#[actix_web::test]
async fn problems_of_the_request_have_their_codes() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let task = json!({"title": "Sweep", "userId": user});
    assert_code(&app.get("/tasks?page=0").await, 400, "invalid_input");
    assert_code(&app.post("/tasks", json!({})).await, 400, "invalid_input");
    let broken = app.post_raw("/tasks", "application/json", "{").await;
    assert_code(&broken, 400, "malformed_request");
    assert_code(
        &app.get("/tasks?search=%ff").await,
        400,
        "malformed_request",
    );
    for field in ["userId", "categoryId"] {
        let mut unknown = task.clone();
        unknown[field] = json!(999_999);
        let answer = app.post("/tasks", unknown).await;
        assert_code(&answer, 400, "unknown_reference");
        assert_eq!(answer.invalid_paths(), [field]);
    }
    assert_code(&app.get("/tasks/999999").await, 404, "not_found");
    assert_code(
        &app.put("/tasks/999999", json!({"title": "x"})).await,
        404,
        "not_found",
    );
    assert_code(&app.delete("/tasks/999999").await, 404, "not_found");
    assert_code(&app.get("/nowhere").await, 404, "unknown_path");
    let patch = send(app.request(Method::PATCH, "/tasks")).await;
    assert_code(&patch, 405, "method_not_allowed");
    let taken = json!({"name": "Ada", "email": "ada@example.com", "password": "secret"});
    app.post("/users", taken.clone()).await.data(201);
    assert_code(&app.post("/users", taken).await, 409, "duplicate");
    let long = app
        .post("/tasks", json!({"title": "x".repeat(70_000)}))
        .await;
    assert_code(&long, 413, "content_too_large");
    let text = app.post_raw("/tasks", "text/plain", "{}").await;
    assert_code(&text, 415, "not_json");
}

#[actix_web::test]
async fn problems_of_a_key_have_their_codes() {
    let app = TestApp::start().await;
    let post = async |name: &str| {
        let request = app.request(Method::POST, "/categories");
        let request = request.header("idempotency-key", "one");
        send(request.json(&json!({"name": name}))).await
    };
    // As a request does that is being carried out.
    let mut first = app.db.begin().await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('/categories one', 0))";
    sqlx::query(lock).execute(&mut *first).await.unwrap();
    let answer = post("Chores").await;
    assert_code(&answer, 409, "request_in_progress");
    assert_eq!(answer.header("retry-after"), "1");
    first.rollback().await.unwrap();
    post("Chores").await.data(201);
    assert_code(&post("Garden").await, 422, "key_reused");
}

#[actix_web::test]
async fn problems_of_the_database_have_their_codes() {
    let flags = ["--database-url", "postgres://u:p@127.0.0.1:1/d"];
    let app = TestApp::start_with(&flags).await;
    let answer = app.get("/tasks").await;
    assert_code(&answer, 503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    let body: Value = answer.json();
    assert!(body.get("errors").is_none(), "{body}");
}
