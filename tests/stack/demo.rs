//! `make demo`: real data into the running system.

use crate::http::send;
use crate::stack::{INSTANCES, Stack, run};
use crate::traffic::Traffic;
use flate2::read::GzDecoder;
use reqwest::Url;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tokio::process::Command;

/// The counts of an import's summary.
#[derive(Debug, PartialEq)]
struct Summary {
    imported: u64,
    skipped: u64,
    rejected: u64,
}

impl Stack {
    /// What `make demo` runs.
    async fn import_demo_data(&self) -> Summary {
        let mut demo = Command::new("scripts/demo");
        let printed = run(demo.envs(self.variables())).await;
        let printed = printed.unwrap_or_else(|error| panic!("{error}"));
        let summary = printed.lines().find(|line| line.starts_with("Imported "));
        let summary = summary.unwrap_or_else(|| panic!("no summary in {printed}"));
        println!("{summary}");
        assert!(!summary.contains("cannot be written"), "{summary}");
        let number = |word: &str| {
            let (_, rest) = summary.split_once(word).unwrap();
            let digits = rest.split(|one: char| !one.is_ascii_digit() && one != ',');
            let digits = digits.take(1).collect::<String>().replace(',', "");
            digits
                .parse()
                .unwrap_or_else(|_| panic!("{word} {summary}"))
        };
        Summary {
            imported: number("Imported "),
            skipped: number(" skipped "),
            rejected: number(" rejected "),
        }
    }

    /// `total` of a list, which all instances have to agree on.
    async fn total(&self, path: &str) -> u64 {
        let mut totals = BTreeSet::new();
        for _ in 0..2 * INSTANCES {
            totals.insert(self.get(path).await.json(200)["total"].as_u64().unwrap());
        }
        assert_eq!(totals.len(), 1, "{path}: {totals:?}");
        totals.pop_first().unwrap()
    }
}

/// The lines of the demo data.
fn rows() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtest/data/worklog.ndjson.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_data_is_loaded_once_and_completely_under_load() {
    let stack = Stack::of_four().await;
    let rows = rows();
    let before = stack.total("/tasks").await;
    let traffic = Traffic::start(&stack).await;
    let first = stack.import_demo_data().await;
    traffic.ends_clean("import of the demo data").await;

    let Summary {
        imported,
        skipped,
        rejected,
    } = first;
    assert_eq!(
        imported + skipped + rejected,
        rows.len() as u64,
        "a row is lost"
    );
    let refused = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.rejected.ndjson");
    let refused = std::fs::read_to_string(refused).unwrap();
    assert_eq!(refused.lines().count() as u64, rejected);
    let total = stack.total("/tasks").await;
    assert_eq!(total, before + imported);
    let mut by_status = 0;
    for status in ["pending", "in-progress", "completed"] {
        by_status += stack.total(&format!("/tasks?status={status}")).await;
    }
    assert_eq!(by_status, total);

    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let fits = |row: &&Value| {
        let (title, description) = (text(row, "title"), text(row, "description"));
        title.chars().count() <= 100 && description.chars().count() <= 500
    };
    for row in rows.iter().step_by(1500).filter(fits) {
        let query = [("search", text(row, "title")), ("limit", "100".to_owned())];
        let url = Url::parse_with_params(&format!("{}/tasks", stack.url), &query).unwrap();
        let found = send(stack.client.get(url)).await.data(200);
        let is_row = |task: &&Value| {
            task["title"] == row["title"]
                && text(task, "description") == text(row, "description")
                && task["status"] == row["status"]
                && task["user"]["email"] == row["userEmail"]
                && task["category"]["name"] == row["category"]
                && instant(task) == instant(row)
        };
        let tasks = found.as_array().unwrap().iter();
        assert_eq!(tasks.filter(is_row).count(), 1, "{row}\nin {found}");
    }

    let again = stack.import_demo_data().await;
    let skipped = imported + skipped;
    assert_eq!(
        again,
        Summary {
            imported: 0,
            skipped,
            rejected
        }
    );
    assert_eq!(stack.total("/tasks").await, total);
}

fn instant(thing: &Value) -> i64 {
    let text = thing["createdAt"].as_str().unwrap();
    let time = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    time.timestamp_millis()
}
