//! `taskfleet import`, run as a program of its own.

mod failing;
mod loading;
mod rejecting;

use crate::helpers::{TestApp, servers};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use uuid::Uuid;

/// A directory of a test's own, in which it runs imports; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("taskfleet-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file.
    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), content).unwrap();
    }

    /// What stands in a file; `None` where there is none.
    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.0.join(file)).ok()
    }

    /// The objects in a file of rejected rows.
    fn rejected(&self, file: &str) -> Vec<Value> {
        let text = self.read(file).expect("there are rejected rows");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// An import into the database of an application, to be started in this directory.
    fn command(&self, app: &TestApp, file: &str) -> Command {
        let url = app.settings.database.database_url.0.to_url_lossy();
        let mut command = Command::new(env!("CARGO_BIN_EXE_taskfleet"));
        command
            .current_dir(&self.0)
            .env_clear()
            .env("DATABASE_URL", url.as_str())
            .env("REDIS_URL", &servers().redis)
            .env("REDIS_KEY_PREFIX", &app.settings.cache.redis_key_prefix)
            .env("REDIS_TIMEOUT_MS", "1000")
            .args(["import", file])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Imports a file.
    async fn import(&self, app: &TestApp, file: &str) -> Ended {
        Ended::from(self.command(app, file).output().await.unwrap())
    }

    /// Imports what is written to standard input.
    async fn import_stdin(&self, app: &TestApp, content: impl AsRef<[u8]>) -> Ended {
        let mut child = self.start_on_stdin(app);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(content.as_ref()).await.unwrap();
        drop(stdin);
        Ended::from(child.wait_with_output().await.unwrap())
    }

    /// An import that waits for standard input.
    fn start_on_stdin(&self, app: &TestApp) -> Child {
        let mut command = self.command(app, "-");
        command.stdin(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// An import that has come to its end.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Checks that it succeeded, and returns how many rows it imported, skipped and rejected.
    fn counts(&self) -> [u64; 3] {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.summary()
    }

    /// How many rows it imported, skipped and rejected.
    fn summary(&self) -> [u64; 3] {
        let counts = self.stdout.strip_prefix("Imported ");
        let mut counts = counts
            .unwrap_or_else(|| panic!("no summary in {self:?}"))
            .split(", ")
            .map(|part| {
                let digits = part.chars().filter(|character| *character != ',');
                let digits: String = digits
                    .skip_while(|character| !character.is_ascii_digit())
                    .take_while(char::is_ascii_digit)
                    .collect();
                digits.parse().unwrap()
            });
        std::array::from_fn(|_| counts.next().unwrap())
    }

    /// Checks that it failed, and returns the sentence that says why.
    fn failure(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.stderr.lines().last().unwrap()
    }
}

/// A good row.
fn row(title: &str) -> Value {
    json!({
        "title": title, "description": "", "status": "pending", "category": "Chores",
        "userName": "Ada", "userEmail": "ada@example.com", "createdAt": "2026-05-17T09:30:00Z",
    })
}

/// A row with this title and these fields instead of its own.
fn row_with(title: &str, overrides: Value) -> Value {
    let mut row = row(title);
    for (name, value) in overrides.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

/// Good rows, numbered from 1.
fn rows(count: usize) -> Vec<Value> {
    (1..=count).map(|n| row(&format!("row {n}"))).collect()
}

/// Rows as NDJSON.
fn ndjson(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// How many things a list holds.
async fn total(app: &TestApp, list: &str) -> u64 {
    app.get(list).await.json()["total"].as_u64().unwrap()
}
