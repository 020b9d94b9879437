//! A read that starts after a write was acknowledged shows it, whichever instance answers.

use crate::stack::{INSTANCES, Stack, id};
use crate::traffic::Traffic;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Stack {
    /// Reads this until every instance has answered; each answer has to pass. Returns how many of
    /// the answers had which `X-Cache`.
    async fn every_instance_shows(
        &self,
        path: &str,
        status: u16,
        passes: impl Fn(&Value) -> bool,
    ) -> BTreeMap<String, u64> {
        let (mut answered, mut cache) = (BTreeSet::new(), BTreeMap::new());
        for _ in 0..10 * INSTANCES {
            let answer = self.get(path).await;
            let body = answer.json(status);
            assert!(passes(&body), "{path}: {:?} {body}", answer.headers);
            let cache_status = answer.maybe_header("x-cache").unwrap_or("none");
            *cache.entry(cache_status.to_owned()).or_default() += 1;
            answered.insert(answer.header("x-instance").to_owned());
            if answered.len() == INSTANCES {
                return cache;
            }
        }
        panic!("only {answered:?} answered {path}");
    }
}

#[tokio::test]
async fn every_instance_shows_a_write_to_tasks_users_and_categories_at_once() {
    let stack = Stack::of_four().await;
    let marker = uuid::Uuid::new_v4().simple().to_string();
    let list = format!("/tasks?search={marker}");
    let totals = |total: u64| move |body: &Value| body["total"] == total;
    let is = |place: &'static str, value: &'static str| {
        move |body: &Value| body.pointer(place) == Some(&json!(value))
    };

    stack.every_instance_shows(&list, 200, totals(0)).await;
    let user = stack.create_user("Ada").await;
    let newest = |body: &Value| body["data"][0]["id"] == user;
    stack.every_instance_shows("/users", 200, newest).await;
    let category = stack.create_category("engines").await;
    let newest = |body: &Value| body["data"][0]["id"] == category;
    stack.every_instance_shows("/categories", 200, newest).await;
    let task = stack.create_task(&marker, user, Some(category)).await;
    stack.every_instance_shows(&list, 200, totals(1)).await;
    let newest = |body: &Value| body["data"][0]["id"] == task;
    stack.every_instance_shows("/tasks", 200, newest).await;

    let (task, user, category) = (
        format!("/tasks/{task}"),
        format!("/users/{user}"),
        format!("/categories/{category}"),
    );
    for (path, field, in_list, in_one, value) in [
        (
            &task,
            "status",
            "/data/0/status",
            "/data/status",
            "completed",
        ),
        (&user, "name", "/data/0/user/name", "/data/name", "Grace"),
        (
            &category,
            "name",
            "/data/0/category/name",
            "/data/name",
            "bugs",
        ),
    ] {
        let update = json!({ field: value });
        stack.put(path, &update).await.json(200);
        let shows = is(in_list, value);
        stack.every_instance_shows(&list, 200, shows).await;
        stack
            .every_instance_shows(path, 200, is(in_one, value))
            .await;
    }

    // Round after round without a write, until no instance has to ask the database.
    let mut hits = 0;
    for _ in 0..10 {
        let cache_statuses = stack.every_instance_shows(&list, 200, totals(1)).await;
        hits = cache_statuses.get("hit").copied().unwrap_or_default();
        println!("X-Cache: {cache_statuses:?}");
        if cache_statuses.len() == 1 && hits >= INSTANCES as u64 {
            break;
        }
    }
    assert!(hits >= INSTANCES as u64, "not every instance had a hit");

    let is_null =
        |place: &'static str| move |body: &Value| body.pointer(place) == Some(&json!(null));
    stack.delete(&user).await.json(200);
    stack
        .every_instance_shows(&list, 200, is_null("/data/0/user"))
        .await;
    stack.delete(&category).await.json(200);
    stack
        .every_instance_shows(&list, 200, is_null("/data/0/category"))
        .await;
    stack.delete(&task).await.json(200);
    stack.every_instance_shows(&list, 200, totals(0)).await;
    for gone in [&task, &user, &category] {
        stack.every_instance_shows(gone, 404, |_| true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_stale_while_tasks_users_and_categories_are_written() {
    let stack = Stack::of_four().await;
    let traffic = Traffic::start(&stack).await;
    for _ in 0..5 {
        traffic.goes_on().await;
    }
    traffic.sees_cache("hit", 100).await;
    let report = traffic.ends_clean("reads beside writes").await;
    stack.record("nothing", &report);
    assert_eq!(
        report.instances.into_keys().collect::<BTreeSet<_>>(),
        stack.instances().await
    );
}

#[tokio::test]
async fn user_is_200_on_every_instance_right_after_its_create() {
    let stack = Stack::of_four().await;
    for _ in 0..3 {
        let user = stack.create_user("Ada").await;
        let path = format!("/users/{user}");
        stack
            .every_instance_shows(&path, 200, |body| id(&body["data"]) == user)
            .await;
        stack.remove([path]).await;
    }
}
