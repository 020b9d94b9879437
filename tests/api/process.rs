//! The program as a process of its own.

use crate::helpers::TestApp;
use reqwest::{Client, Method, RequestBuilder};
use sqlx::ConnectOptions;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

const PROGRAM: &str = env!("CARGO_BIN_EXE_taskfleet");

/// A running `taskfleet serve`.
pub struct Process {
    /// `http://HOST:PORT`.
    pub url: String,
    client: Client,
    child: Child,
    /// Reads on to the end of its output, or else it could not go on.
    rest: JoinHandle<Vec<String>>,
}

/// How a program ended that did not run for long.
#[derive(Debug)]
pub struct Wrong {
    pub code: Option<i32>,
    pub output: String,
    pub error: String,
}

impl Process {
    /// An instance beside this one, with these settings in its environment and no others.
    pub async fn serve(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .current_dir(std::env::temp_dir())
            .env_clear()
            .env(
                "DATABASE_URL",
                app.settings.database.database_url.0.to_url_lossy().as_str(),
            )
            .env("REDIS_URL", &crate::helpers::servers().redis)
            .env("REDIS_KEY_PREFIX", &app.settings.cache.redis_key_prefix)
            .env("REDIS_TIMEOUT_MS", "1000")
            .env("HTTP_WORKERS", "1")
            .env("PORT", "0")
            .env("DRAIN_MS", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = Vec::new();
        let (mut url, mut is_connected) =
            (None, settings.iter().any(|(name, _)| *name == "REDIS_URL"));
        while url.is_none() || !is_connected {
            let line = output
                .next_line()
                .await
                .unwrap()
                .expect("the program listens");
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest
                    .find(|c: char| c == '"' || c.is_whitespace())
                    .unwrap_or(rest.len());
                url = Some(rest[..end].to_owned());
            }
            is_connected |= line.contains("connected to Redis");
            lines.push(line);
        }
        let url = url.unwrap();
        Self {
            url,
            client: Client::builder().no_proxy().build().unwrap(),
            child,
            rest: tokio::spawn(async move {
                while let Some(line) = output.next_line().await.unwrap() {
                    lines.push(line);
                }
                lines
            }),
        }
    }

    /// A request to it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let kill = std::process::Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Ends it and returns all lines that it has logged.
    pub async fn end(self) -> Vec<String> {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits for its end, and returns all lines that it has logged.
    pub async fn ended(mut self) -> Vec<String> {
        let lines = self.rest.await.unwrap();
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.code(), Some(0), "{lines:?}");
        lines
    }

    /// Runs a role with these settings to its end.
    pub fn fail(role: &str, settings: &[(&str, &str)]) -> Wrong {
        let output = std::process::Command::new(PROGRAM)
            .arg(role)
            .current_dir(std::env::temp_dir())
            .env_clear()
            .envs(settings.iter().copied())
            .output()
            .unwrap();
        Wrong {
            code: output.status.code(),
            output: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
