//! Shapes that several answers share.

use crate::helpers::{Answer, TestApp};
use reqwest::Method;
use serde_json::Value;
use sqlx::AssertSqlSafe;

pub const TASK: &str =
    "category categoryId createdAt description id status title updatedAt user userId";
pub const USER: &str = "createdAt email id name updatedAt";
pub const CATEGORY: &str = "createdAt id name updatedAt";
pub const LIST: &str = "data limit page status total totalPages";

/// The names of an object's fields, sorted, with a space between.
pub fn keys(object: &Value) -> String {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys.join(" ")
}

/// Checks that this is RFC 3339 in UTC with milliseconds.
pub fn assert_timestamp(value: &Value) {
    let text = value.as_str().unwrap();
    let pattern: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(pattern, "0000-00-00T00:00:00.000Z", "{text}");
}

/// Checks the answer to a creation, and that the thing is where `Location` says; returns it.
pub async fn assert_created(app: &TestApp, path: &str, what: &str, answer: &Answer) -> Value {
    let data = answer.data(201);
    let body = answer.json();
    assert_eq!(keys(&body), "data message status");
    assert_eq!(body["status"], 201);
    assert_eq!(body["message"], format!("The {what} was created."));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("location"), format!("{path}/{}", data["id"]));
    assert!(data["id"].as_i64().unwrap() > 0);
    assert_timestamp(&data["createdAt"]);
    assert_eq!(data["createdAt"], data["updatedAt"]);
    assert_one(&app.get(answer.header("location")).await, &data);
    data
}

/// Checks that an answer is 200 with this thing.
pub fn assert_one(answer: &Answer, thing: &Value) {
    assert_eq!(&answer.data(200), thing);
    assert_eq!(keys(&answer.json()), "data status");
    assert_eq!(answer.json()["status"], 200);
    assert_eq!(answer.header("cache-control"), "no-cache");
}

/// Checks that an answer is the 200 of an update; returns the resource in it.
pub fn assert_updated(answer: &Answer, what: &str) -> Value {
    let body = answer.json();
    assert_eq!(keys(&body), "data message status");
    assert_eq!(body["status"], 200);
    assert_eq!(body["message"], format!("The {what} was updated."));
    answer.data(200)
}

/// Deletes a thing, checks the answer and that the thing is gone.
pub async fn assert_deletes(app: &TestApp, path: &str, what: &str) {
    let answer = app.delete(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(keys(&body), "message status");
    assert_eq!(body["status"], 200);
    assert_eq!(body["message"], format!("The {what} was deleted."));
    app.get(path).await.problem(404);
    app.delete(path).await.problem(404);
}

/// Checks that every operation on a thing that does not exist is a 404 which names it.
pub async fn assert_missing(app: &TestApp, collection: &str, what: &str, update: Value) {
    for id in [1, i64::MAX] {
        let path = format!("{collection}/{id}");
        let sentence = format!("There is no {what} with the id {id}.");
        assert_eq!(app.get(&path).await.problem(404), sentence);
        assert_eq!(app.put(&path, update.clone()).await.problem(404), sentence);
        assert_eq!(app.delete(&path).await.problem(404), sentence);
    }
}

/// Checks that HEAD answers as GET does, without the body.
pub async fn assert_head_is_like_get(app: &TestApp, path: &str) {
    // Both find the same copy, where there is one.
    app.get(path).await;
    let get = app.get(path).await;
    let head = crate::helpers::send(app.request(Method::HEAD, path)).await;
    assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
    let names = get
        .headers
        .keys()
        .filter(|name| !["date", "x-request-id"].contains(&name.as_str()));
    for name in names {
        assert_eq!(
            head.headers.get(name),
            get.headers.get(name),
            "{path}: {name}"
        );
    }
    assert_eq!(
        head.header("content-length"),
        get.text.len().to_string(),
        "{path}"
    );
}

/// Moves a thing's timestamps into the past, for a test to see which of them an update moves.
pub async fn make_old(app: &TestApp, table: &str) {
    let sql = format!("UPDATE {table} SET created_at = '2001-02-03', updated_at = '2001-02-03'");
    sqlx::query(AssertSqlSafe(sql))
        .execute(&app.db)
        .await
        .unwrap();
}

/// Checks that a thing that was [made old](make_old) has been updated since: `updatedAt` has moved,
/// `createdAt` has not.
pub fn assert_touched(thing: &Value) {
    assert_eq!(thing["createdAt"], "2001-02-03T00:00:00.000Z");
    assert_timestamp(&thing["updatedAt"]);
    assert!(thing["updatedAt"].as_str().unwrap() > "2020", "{thing}");
}
