//! The public API as a client sees it: one request, its answer, and when both were.

use super::history::{Moment, Origin};
use reqwest::Method;
use serde_json::Value;
use std::error::Error;
use std::time::{Duration, Instant};

/// A request that takes longer than this has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP client of one deployment, with the clock of the history.
pub(super) struct ApiClient {
    http: reqwest::Client,
    url: String,
    started: Instant,
}

/// A request that was sent, with its answer or error.
pub(super) struct Exchange {
    /// When the request was sent.
    pub begin: Moment,
    /// When the answer had arrived, or the request had failed.
    pub end: Moment,
    /// The answer; the error with all its causes where there is none.
    pub answer: Result<ApiAnswer, String>,
}

/// An answer, read to its end.
pub(super) struct ApiAnswer {
    /// The status code.
    pub status: u16,
    /// The body; null where it is not JSON.
    pub body: Value,
    /// The headers that say where the answer came from.
    pub origin: Origin,
}

impl ApiAnswer {
    /// Whether the status is a 2xx.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The id of the resource in the body; `None` where there is none.
    pub(super) fn id(&self) -> Option<i64> {
        self.body.pointer("/data/id")?.as_i64()
    }

    /// The status and the `detail` of a problem, for a person.
    pub(super) fn sentence(&self) -> String {
        let detail = self.body.get("detail").and_then(Value::as_str);
        format!("{} {}", self.status, detail.unwrap_or_default())
    }
}

impl ApiClient {
    /// A client whose clock starts now. The URL is that of the deployment, without a path.
    pub(super) fn new(url: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            url: url.trim_end_matches('/').to_owned(),
            started: Instant::now(),
        })
    }

    /// The time since this client was made.
    pub(super) fn now(&self) -> Moment {
        self.started.elapsed()
    }

    /// Sends a request, with a JSON body and an idempotency key where they are given, and reads its
    /// answer to the end.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Exchange {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let begin = self.now();
        let answer = read(request).await.map_err(|error| in_full(&error));
        Exchange {
            begin,
            end: self.now(),
            answer,
        }
    }

    /// Sends a GET of this path and query.
    pub(super) async fn get(&self, path: &str) -> Exchange {
        self.send(Method::GET, path, None, None).await
    }
}

async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<ApiAnswer> {
    let response = request.send().await?;
    let header = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let origin = Origin {
        instance: header("x-instance"),
        cache: header("x-cache"),
        served_from: header("x-served-from"),
    };
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    Ok(ApiAnswer {
        status,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        origin,
    })
}

/// An error with all its causes.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
