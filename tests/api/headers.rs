//! The headers of every answer: the name of the instance and the id of the request.

use crate::helpers::{Answer, TestApp, send};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

#[actix_web::test]
async fn valid_request_id_is_propagated_and_others_are_replaced() {
    let app = TestApp::start().await;
    let ask = async |id: &[u8], path: &str| -> Answer {
        let id = HeaderValue::from_bytes(id).unwrap();
        send(app.request(Method::GET, path).header("x-request-id", id)).await
    };
    let longest = "x".repeat(128);
    for id in ["a", "01J9ZC3Q-retry_2.a", "a:b/c+d=", &longest] {
        for path in [
            "/health",
            "/tasks",
            "/tasks/999",
            "/nothing",
            "/tasks?page=0",
        ] {
            assert_eq!(ask(id.as_bytes(), path).await.header("x-request-id"), id);
        }
    }
    let too_long = "x".repeat(129);
    for id in [
        "", " ", "a b", "a\"b", "a,b", "ä", "<script>", "a\tb", &too_long,
    ] {
        for path in ["/health", "/tasks/999"] {
            let answer = ask(id.as_bytes(), path).await;
            let made: uuid::Uuid = answer.header("x-request-id").parse().unwrap();
            assert_eq!(made.get_version_num(), 4);
        }
    }
    let (first, second) = (app.get("/health").await, app.get("/health").await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[actix_web::test]
async fn every_answer_has_x_instance() {
    let app = TestApp::start_with(&["--instance", "blue-7"]).await;
    for path in [
        "/tasks",
        "/tasks/1",
        "/nothing",
        "/health",
        "/openapi.json",
        "/docs/",
        "/docs",
    ] {
        assert_eq!(app.get(path).await.header("x-instance"), "blue-7", "{path}");
    }
    assert_eq!(
        app.post("/health", json!({})).await.header("x-instance"),
        "blue-7"
    );
    assert_eq!(
        app.post_raw("/tasks", "text/plain", "x")
            .await
            .header("x-instance"),
        "blue-7"
    );
}
