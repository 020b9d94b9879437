//! An instance that is asked to end answers every connection that it or the kernel has made.

use crate::helpers::TestApp;
use crate::process::Process;
use serde_json::json;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// How often an instance is ended.
const ROUNDS: usize = 6;
/// How many clients connect again and again meanwhile.
const CLIENTS: usize = 16;
/// How many answers there are before an instance is ended.
const ANSWERS: usize = 200;

/// Sends a request on a new connection and returns the status; `None` where the connection was
/// refused, and an error where it was made and then ended without an answer.
async fn answer(host: &str, request: &str) -> io::Result<Option<u16>> {
    let Ok(mut stream) = TcpStream::connect(host).await else {
        return Ok(None);
    };
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    let status = status.and_then(|status| status.parse().ok());
    status
        .map(Some)
        .ok_or_else(|| io::Error::other(format!("no answer: {answer:?}")))
}

/// Sends this request again and again until a connection is refused. Tells the status of each answer,
/// and returns why the other requests had none.
async fn send_until_refused(
    host: String,
    request: String,
    answers: UnboundedSender<u16>,
) -> Vec<io::Error> {
    let mut unanswered = Vec::new();
    loop {
        match answer(&host, &request).await {
            Ok(Some(status)) => _ = answers.send(status),
            Ok(None) => return unanswered,
            Err(error) => unanswered.push(error),
        }
    }
}

#[actix_web::test]
async fn ending_an_instance_leaves_no_new_connection_without_an_answer() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let body = json!({"title": "sent as the instance ends", "userId": user}).to_string();
    let mut unanswered = Vec::new();
    for round in 0..ROUNDS {
        let process = Process::serve(&app, &[]).await;
        let host = process.url.trim_start_matches("http://").to_owned();
        let (sender, mut answers) = unbounded_channel();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let request = if number % 2 == 0 {
                format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            } else {
                // Without an Idempotency-Key.
                format!(
                    "POST /tasks HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            };
            clients.spawn(send_until_refused(host.clone(), request, sender.clone()));
        }
        drop(sender);
        for _ in 0..ANSWERS {
            let status = answers.recv().await.unwrap();
            assert!(status < 300, "{status}");
        }
        // SIGINT skips the drain, and nothing else.
        process.signal(if round % 2 == 0 { "TERM" } else { "INT" });
        process.ended().await;
        for errors in clients.join_all().await {
            unanswered.extend(errors);
        }
        while let Some(status) = answers.recv().await {
            assert!(status < 300, "{status}");
        }
    }
    assert!(
        unanswered.is_empty(),
        "{}: {unanswered:?}",
        unanswered.len()
    );
}
