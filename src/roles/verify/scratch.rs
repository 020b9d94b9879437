//! The scratch resources of a session: a user, a category and some tasks, which it creates and removes
//! afterwards.

use super::client::{ApiAnswer, ApiClient, Exchange};
use super::history::ItemName;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The number of tasks whose title is a register.
const TASKS: usize = 2;
/// How long a request of the set-up or the clean-up is repeated before it has failed.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);

/// Why a deployment cannot be checked: a request of the set-up or the clean-up failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed: {cause}")]
pub struct SetupError {
    step: String,
    cause: String,
}

impl SetupError {
    /// The HTTP client could not be made.
    pub fn no_client(error: reqwest::Error) -> Self {
        Self {
            step: "making a client".to_owned(),
            cause: error.to_string(),
        }
    }
}

/// The scratch resources of a session.
pub(super) struct Scratch {
    /// The unique text in the description of every task of the session, by which a search finds them
    /// and no others.
    pub marker: String,
    user: i64,
    category: i64,
    tasks: Vec<i64>,
}

/// A field of a resource that holds a version.
pub(super) struct Versioned {
    /// The path of the resource.
    pub path: String,
    /// The name of the field.
    pub field: &'static str,
    /// The field and the resource, for a person: `title of task 7`.
    pub name: String,
}

/// The value of a field that holds this version.
pub(super) fn text_of(version: u64) -> String {
    format!("version {version}")
}

fn version_in(value: Option<&Value>) -> Option<u64> {
    value?.as_str()?.strip_prefix("version ")?.parse().ok()
}

/// The title of the task of this item.
pub(super) fn title_of((creator, number): ItemName) -> String {
    format!("item {creator}-{number}")
}

fn item_in(title: &Value) -> Option<ItemName> {
    let (creator, number) = title.as_str()?.strip_prefix("item ")?.split_once('-')?;
    Some((creator.parse().ok()?, number.parse().ok()?))
}

impl Scratch {
    /// Creates the user, the category and the tasks, with every field at version 0.
    pub(super) async fn make(client: &ApiClient) -> Result<Self, SetupError> {
        let marker = format!("verify-{}", Uuid::new_v4().simple());
        let user = json!({
            "name": text_of(0),
            "email": format!("{marker}@example.com"),
            "password": Uuid::new_v4().to_string(),
        });
        let user = create(client, "/users", &user).await?;
        let category = create(client, "/categories", &json!({"name": text_of(0)})).await?;
        let mut scratch = Self {
            marker,
            user,
            category,
            tasks: Vec::new(),
        };
        for _ in 0..TASKS {
            let task = create(client, "/tasks", &scratch.task(&text_of(0))).await?;
            scratch.tasks.push(task);
        }
        Ok(scratch)
    }

    /// The body of a create of a task with this title, for the scratch user and category.
    pub(super) fn task(&self, title: &str) -> Value {
        json!({
            "title": title,
            "description": self.marker,
            "userId": self.user,
            "categoryId": self.category,
        })
    }

    /// Every field with a version: of the tasks, the user and the category, in this order.
    pub(super) fn versioned(&self) -> Vec<Versioned> {
        let (user, category) = (self.user, self.category);
        let tasks = self.tasks.iter().map(|id| Versioned {
            path: format!("/tasks/{id}"),
            field: "title",
            name: format!("title of task {id}"),
        });
        let others = [
            ("/users", user, "name of user"),
            ("/categories", category, "name of category"),
        ];
        let others = others.map(|(path, id, name)| Versioned {
            path: format!("{path}/{id}"),
            field: "name",
            name: format!("{name} {id}"),
        });
        tasks.chain(others).collect()
    }

    /// The paths of the lists that show all tasks of the session, which are fewer than a page holds.
    pub(super) fn lists(&self) -> [String; 3] {
        [
            format!("/tasks?userId={}&limit=100", self.user),
            format!("/tasks?categoryId={}&limit=100&sort=asc", self.category),
            format!("/tasks?search={}&limit=100", self.marker),
        ]
    }

    /// The version of each field in the answer to a list, in the order of
    /// [`versioned`](Self::versioned); `None` where the list does not show it. Each task embeds the
    /// user and the category; the oldest version counts.
    pub(super) fn versions_in_list(&self, body: &Value) -> Vec<Option<u64>> {
        let rows = rows(body);
        let task = |id: &i64| {
            let row = rows.iter().find(|row| row["id"].as_i64() == Some(*id))?;
            version_in(row.get("title"))
        };
        let oldest = |place: &str| rows.iter().map(|row| version_in(row.pointer(place))).min();
        let mut versions: Vec<_> = self.tasks.iter().map(task).collect();
        versions.push(oldest("/user/name").flatten());
        versions.push(oldest("/category/name").flatten());
        versions
    }

    /// The version in this field of the answer to a read of one resource; `None` where there is none.
    pub(super) fn version_in_one(body: &Value, field: &str) -> Option<u64> {
        version_in(body.get("data")?.get(field))
    }

    /// The items in the answer to a list, with the number of tasks that have the name.
    pub(super) fn items_in_list(body: &Value) -> BTreeMap<ItemName, usize> {
        let mut items = BTreeMap::new();
        for name in rows(body)
            .iter()
            .filter_map(|row| item_in(row.get("title")?))
        {
            *items.entry(name).or_default() += 1;
        }
        items
    }

    /// The list of all tasks of the session, repeated until it is answered with a success.
    pub(super) async fn final_list(&self, client: &ApiClient) -> Result<Value, SetupError> {
        let [list, ..] = self.lists();
        let answer = insist(client, Method::GET, &list, None, ApiAnswer::is_success).await?;
        Ok(answer.body)
    }

    /// Deletes the scratch resources, every task that a list shows, and the tasks with these ids, which
    /// a stale list may not show.
    pub(super) async fn remove(&self, client: &ApiClient, more: &[i64]) -> Result<(), SetupError> {
        let remaining = self.final_list(client).await?;
        let tasks = rows(&remaining).iter().filter_map(|row| row["id"].as_i64());
        let tasks: BTreeSet<_> = tasks.chain(more.iter().copied()).collect();
        let mut paths: Vec<_> = tasks.iter().map(|id| format!("/tasks/{id}")).collect();
        paths.push(format!("/users/{}", self.user));
        paths.push(format!("/categories/{}", self.category));
        for path in paths {
            let is_gone = |answer: &ApiAnswer| answer.is_success() || answer.status == 404;
            insist(client, Method::DELETE, &path, None, is_gone).await?;
        }
        Ok(())
    }
}

fn rows(body: &Value) -> &[Value] {
    let rows = body.get("data").and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

async fn create(client: &ApiClient, path: &str, body: &Value) -> Result<i64, SetupError> {
    let created = |answer: &ApiAnswer| answer.is_success() && answer.id().is_some();
    let answer = insist(client, Method::POST, path, Some(body), created).await?;
    Ok(answer.id().unwrap_or_default())
}

/// Repeats a request until its answer is good, for a while; a refusal ends it at once.
async fn insist(
    client: &ApiClient,
    method: Method,
    path: &str,
    body: Option<&Value>,
    is_good: impl Fn(&ApiAnswer) -> bool,
) -> Result<ApiAnswer, SetupError> {
    let key = Uuid::new_v4().to_string();
    let key = (method == Method::POST).then_some(&*key);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Exchange { answer, .. } = client.send(method.clone(), path, body, key).await;
        let (cause, is_final) = match answer {
            Ok(answer) if is_good(&answer) => return Ok(answer),
            Ok(answer) => (
                answer.sentence(),
                answer.status < 500 && answer.status != 409,
            ),
            Err(cause) => (cause, false),
        };
        if is_final || Instant::now() > deadline {
            let step = format!("{method} {path}");
            return Err(SetupError { step, cause });
        }
        sleep(PAUSE).await;
    }
}
