//! Writers and readers at several instances for some seconds: not one stale read.

use crate::helpers::TestApp;
use futures_util::future::join_all;
use serde_json::json;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long each of the tests below goes on, and how many writes and reads it makes at least.
const TIME: Duration = Duration::from_secs(3);
const COUNT: u64 = 100;

/// What one writer has had acknowledged last, and how many reads were checked against it.
#[derive(Default)]
struct Acknowledged {
    version: Cell<u64>,
    reads: Cell<u64>,
}

/// Writes rising versions through all instances in turn, by `write`, and meanwhile reads `path`
/// from all of them: each answer must show at least the version that was acknowledged before the
/// read began. `shown` finds the version in an answer.
async fn hammer(
    apps: &[TestApp],
    path: &str,
    write: impl AsyncFn(&TestApp, u64),
    shown: impl Fn(&serde_json::Value) -> u64,
) {
    let acknowledged = Acknowledged::default();
    let end = Instant::now() + TIME;
    let is_over = || {
        let counted = acknowledged.version.get().min(acknowledged.reads.get());
        Instant::now() >= end && counted >= COUNT
    };
    write(&apps[0], 0).await;
    let writer = async {
        for (version, app) in (1..).zip(apps.iter().cycle()) {
            write(app, version).await;
            acknowledged.version.set(version);
            if is_over() {
                return;
            }
        }
    };
    let readers = apps.iter().flat_map(|app| [app, app]).map(async |app| {
        while !is_over() {
            let at_least = acknowledged.version.get();
            let answer = app.get(path).await;
            let shown = shown(&answer.data(200));
            assert!(
                shown >= at_least,
                "stale: version {at_least} was acknowledged, {shown} is shown by {answer:?}"
            );
            acknowledged.reads.set(acknowledged.reads.get() + 1);
        }
    });
    futures_util::future::join(writer, join_all(readers)).await;
}

/// The number at the end of a name such as `version 12`.
fn version(name: &serde_json::Value) -> u64 {
    name.as_str()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

async fn three_instances() -> Vec<TestApp> {
    let first = TestApp::start().await;
    let others = [first.sibling(&[]).await, first.sibling(&[]).await];
    std::iter::once(first).chain(others).collect()
}

#[actix_web::test]
async fn list_is_never_stale_while_a_task_is_updated() {
    let apps = three_instances().await;
    let user = apps[0].add_user("Ada").await;
    let task = apps[0].create_task("version 0", user).await;
    let path = format!("/tasks/{}", task["id"]);
    let write = async |app: &TestApp, version| {
        app.put(&path, json!({"title": format!("version {version}")}))
            .await
            .data(200);
    };
    hammer(&apps, "/tasks", write, |data| version(&data[0]["title"])).await;
}

#[actix_web::test]
async fn list_is_never_stale_while_tasks_are_created_and_deleted() {
    let apps = three_instances().await;
    let user = apps[0].add_user("Ada").await;
    // Each write replaces the task, so a stale list shows one that is gone, or an older one.
    let last = Cell::new(None);
    let write = async |app: &TestApp, version: u64| {
        let task = app.create_task(&format!("version {version}"), user).await;
        if let Some(id) = last.replace(task["id"].as_i64()) {
            assert_eq!(app.delete(&format!("/tasks/{id}")).await.status, 200);
        }
    };
    hammer(&apps, "/tasks?limit=1", write, |data| {
        version(&data[0]["title"])
    })
    .await;
}

#[actix_web::test]
async fn list_is_never_stale_while_an_embedded_user_is_updated() {
    let apps = three_instances().await;
    let user = apps[0].add_user("version 0").await;
    apps[0].create_task("task", user).await;
    let write = async |app: &TestApp, version| {
        let update = json!({"name": format!("version {version}")});
        app.put(&format!("/users/{user}"), update).await.data(200);
    };
    hammer(&apps, "/tasks", write, |data| {
        version(&data[0]["user"]["name"])
    })
    .await;
}

#[actix_web::test]
async fn list_is_never_stale_while_an_embedded_category_is_updated() {
    let apps = three_instances().await;
    let user = apps[0].add_user("Ada").await;
    let category = apps[0].create_category("version 0").await;
    let task = json!({"title": "task", "userId": user, "categoryId": category});
    apps[0].post("/tasks", task).await.data(201);
    let write = async |app: &TestApp, version| {
        let update = json!({"name": format!("version {version}")});
        app.put(&format!("/categories/{category}"), update)
            .await
            .data(200);
    };
    hammer(&apps, "/tasks", write, |data| {
        version(&data[0]["category"]["name"])
    })
    .await;
}
