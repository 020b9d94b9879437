//! Requests and their answers.

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode, redirect, retry};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a request may take before it counts as failed.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A client that repeats nothing, follows nothing and unpacks nothing by itself.
pub fn client() -> Client {
    Client::builder()
        .no_proxy()
        .no_gzip()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, where the status is as expected.
    pub fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{:?} {text}", self.headers);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// `data` of the body, where the status is as expected.
    pub fn data(&self, status: u16) -> Value {
        self.json(status)["data"].clone()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.maybe_header(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// A header that may be missing.
    pub fn maybe_header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    /// Checks that this is a problem with this status, and returns its sentence.
    pub fn problem(&self, status: u16) -> String {
        let body = self.json(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["message"], body["detail"]);
        assert_eq!(body["requestId"], self.header("x-request-id"));
        assert!(
            body["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{body}"
        );
        body["detail"].as_str().unwrap().to_owned()
    }
}

/// Sends a request and reads the answer to its end.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

/// Sends a request and reads the answer to its end, unless the connection fails before.
pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?.to_vec();
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// Sends these bytes and returns all that comes back until the other side closes.
pub async fn exchange_raw(url: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer))
        .await
        .expect("the connection stays open")
        .unwrap();
    String::from_utf8(answer).unwrap()
}
