//! An instance that was frozen carries out no write whose client has disconnected and may have sent
//! it to another instance.

use crate::helpers::{TestApp, send, wait_until};
use crate::process::Process;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Sends a request and disconnects before its answer.
async fn send_and_disconnect(process: &Process, method: &str, path: &str, body: &Value) {
    let host = process.url.trim_start_matches("http://");
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[actix_web::test]
async fn frozen_instance_carries_out_no_write_of_a_disconnected_client() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let task = app.create_task("acknowledged", user).await;
    let path = format!("/tasks/{}", task["id"]);
    let process = Process::serve(&app, &[("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")]).await;

    process.signal("STOP");
    let late = json!({"title": "sent by a disconnected client", "userId": user});
    for _ in 0..5 {
        send_and_disconnect(&process, "PUT", &path, &late).await;
        send_and_disconnect(&process, "POST", "/tasks", &late).await;
        send_and_disconnect(&process, "DELETE", &path, &json!({})).await;
    }
    process.signal("CONT");
    // Connections are served in turn, so these come after those.
    wait_until("the instance answers", async || {
        send(process.request(Method::GET, &path)).await.status == 200
    })
    .await;
    // A write through it, which queues behind what it may have begun.
    let added = process.request(Method::POST, "/tasks");
    let added =
        send(added.json(&json!({"title": "sent by a connected client", "userId": user}))).await;
    added.data(201);
    process.end().await;

    assert_eq!(
        app.titles("?sort=asc").await,
        ["acknowledged", "sent by a connected client"],
        "no write of a disconnected client may be carried out"
    );
}
