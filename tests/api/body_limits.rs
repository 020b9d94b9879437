//! Bodies of requests that are too long or break off.

use crate::helpers::{TestApp, collections};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: &str = "application/json";
const TOO_LARGE: &str = "The body may be at most 65536 bytes long.";

#[actix_web::test]
async fn body_over_64_kib_is_413() {
    let app = TestApp::start().await;
    let padded = |length: usize| {
        let object = r#"{"name":"Chores"}"#;
        object.to_owned() + &" ".repeat(length - object.len())
    };
    app.post_raw("/categories", JSON, padded(65_536))
        .await
        .data(201);
    for length in [65_537, 200_000] {
        let body = padded(length);
        for collection in collections() {
            let answer = app.post_raw(&collection.path, JSON, body.clone()).await;
            assert_eq!(answer.problem(413), TOO_LARGE);
        }
    }
}

#[actix_web::test]
async fn body_of_20_mb_is_413() {
    let app = TestApp::start().await;
    let body = vec![b' '; 20_000_000];
    let answer = app.post_raw("/tasks", JSON, body).await;
    assert_eq!(answer.problem(413), TOO_LARGE);
}

/// Writes bytes as far as they are taken, and reads the answer, which may come before all are.
async fn exchange(app: &TestApp, request: Vec<u8>, then_close: bool) -> String {
    let stream = TcpStream::connect(app.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        // The server may end the connection before it has all of it.
        _ = writer.write_all(&request).await;
        if then_close {
            _ = writer.shutdown().await;
        }
        writer
    });
    let mut answer = Vec::new();
    _ = reader.read_to_end(&mut answer).await;
    writing.abort();
    String::from_utf8(answer).unwrap()
}

/// The problem in the answer that stands on the wire.
fn problem(answer: &str, status: u16) -> String {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer:?}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], status);
    problem["detail"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn chunked_body_of_20_mb_is_413() {
    let app = TestApp::start().await;
    let mut request = b"POST /tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..20 {
        request.extend(format!("{:x}\r\n", 1_000_000).into_bytes());
        request.extend(vec![b' '; 1_000_000]);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    assert_eq!(
        problem(&exchange(&app, request, false).await, 413),
        TOO_LARGE
    );
}

#[actix_web::test]
async fn body_that_breaks_off_is_400() {
    let app = TestApp::start().await;
    for (length, body) in [
        ("Content-Length: 100", &b"{\"name\":"[..]),
        ("Content-Length: 100", b""),
        ("Content-Length: 100", b"{\"name\":\"Chores\"}"),
        ("Transfer-Encoding: chunked", b"5\r\n{\"nam"),
        ("Transfer-Encoding: chunked", b"ff\r\n{\"name\":\"Chores\"}"),
    ] {
        let head = format!(
            "POST /categories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        );
        let request = [head.as_bytes(), body].concat();
        let sentence = problem(&exchange(&app, request, true).await, 400);
        assert_eq!(sentence, "The body breaks off before its end.", "{length}");
    }
    assert_eq!(app.get("/categories").await.json()["total"], 0);
    // Nothing of a broken body is left for the next request.
    app.create_category("Chores").await;
}
