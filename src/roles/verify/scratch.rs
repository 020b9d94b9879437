//! The scratch resources of a session: two users, a category and some tasks, which it creates and removes
//! afterwards.

use super::client::{ApiAnswer, ApiClient, Exchange};
use super::history::{ABSENT, ItemName};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The number of tasks that move between the users.
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
    /// and no others, and in the email of its users.
    pub marker: String,
    /// The users that the tasks move between.
    pub users: [i64; 2],
    /// The category of every task.
    pub category: i64,
    /// The tasks that move, whose title is a register.
    pub tasks: Vec<i64>,
    /// The task that belongs to the first user, and then to one short-lived user after the other.
    pub guest_task: i64,
}

/// A register that several writers update.
pub(super) struct Versioned {
    /// The path of the resource.
    pub path: String,
    /// The field and the resource, for a person: `title of task 7`.
    pub name: String,
}

/// The value of a field that holds this version.
pub(super) fn text_of(version: u64) -> String {
    format!("version {version}")
}

/// The version in a field; `None` where it holds none.
pub(super) fn version_in(value: Option<&Value>) -> Option<u64> {
    value?.as_str()?.strip_prefix("version ")?.parse().ok()
}

/// The title of the task of this item, or the name of its user.
pub(super) fn title_of((creator, number): ItemName) -> String {
    format!("item {creator}-{number}")
}

/// The item with this title or name; `None` where it is another text.
pub(super) fn item_in(title: Option<&Value>) -> Option<ItemName> {
    let (creator, number) = title?.as_str()?.strip_prefix("item ")?.split_once('-')?;
    Some((creator.parse().ok()?, number.parse().ok()?))
}

impl Scratch {
    /// Creates the users, the category and the tasks, with every field at version 0.
    pub(super) async fn make(client: &ApiClient) -> Result<Self, SetupError> {
        let mut scratch = Self {
            marker: format!("verify-{}", Uuid::new_v4().simple()),
            users: [0; 2],
            category: 0,
            tasks: Vec::new(),
            guest_task: 0,
        };
        for number in 0..scratch.users.len() {
            let user = scratch.user(&text_of(0), &number.to_string());
            let id = create(client, "/users", &user).await?;
            if let Some(user) = scratch.users.get_mut(number) {
                *user = id;
            }
        }
        let category = json!({"name": text_of(0)});
        scratch.category = create(client, "/categories", &category).await?;
        for _ in 0..TASKS {
            let task = create(client, "/tasks", &scratch.task(&text_of(0))).await?;
            scratch.tasks.push(task);
        }
        scratch.guest_task = create(client, "/tasks", &scratch.task("guest")).await?;
        Ok(scratch)
    }

    /// The body of a create of a user with this name, and an email of its own.
    pub(super) fn user(&self, name: &str, email: &str) -> Value {
        json!({
            "name": name,
            "email": format!("{}-{email}@example.com", self.marker),
            "password": Uuid::new_v4().to_string(),
        })
    }

    /// The body of a create of a task with this title, for the first user and the category.
    pub(super) fn task(&self, title: &str) -> Value {
        let [user, _] = self.users;
        json!({
            "title": title,
            "description": self.marker,
            "userId": user,
            "categoryId": self.category,
        })
    }

    /// The registers with several writers, in their order: the title of each task that moves, the name
    /// of each user, the name of the category.
    pub(super) fn versioned(&self) -> Vec<Versioned> {
        let tasks = self.tasks.iter().map(|id| Versioned {
            path: format!("/tasks/{id}"),
            name: format!("title of task {id}"),
        });
        let users = self.users.iter().map(|id| Versioned {
            path: format!("/users/{id}"),
            name: format!("name of user {id}"),
        });
        let category = Versioned {
            path: format!("/categories/{}", self.category),
            name: format!("name of category {}", self.category),
        };
        tasks.chain(users).chain([category]).collect()
    }

    /// The registers of the titles of the tasks that move.
    pub(super) fn titles(&self) -> Range<usize> {
        0..self.tasks.len()
    }

    /// The registers of the users' names.
    pub(super) fn names(&self) -> Range<usize> {
        let first = self.titles().end;
        first..first + self.users.len()
    }

    /// The register of the name of the user with this id; `None` for another user.
    pub(super) fn name_of_user(&self, id: i64) -> Option<usize> {
        let place = self.users.iter().position(|user| *user == id)?;
        self.names().nth(place)
    }

    /// The register of the category's name.
    pub(super) fn name_of_category(&self) -> usize {
        self.names().end
    }

    /// The register of the user of the guest task, which follows those with several writers.
    pub(super) fn guest(&self) -> usize {
        self.name_of_category() + 1
    }

    /// The path of the guest task.
    pub(super) fn guest_path(&self) -> String {
        format!("/tasks/{}", self.guest_task)
    }

    /// The user that a version of a task belongs to: each writer moves the task with each write.
    pub(super) fn owner(&self, version: u64) -> i64 {
        let [one, other] = self.users;
        if (version / 2).is_multiple_of(2) {
            one
        } else {
            other
        }
    }

    /// The class of a version of a register: the user that the task belongs to, 0 for a name.
    pub(super) fn class(&self, register: usize, version: u64) -> i64 {
        if self.titles().contains(&register) {
            self.owner(version)
        } else {
            ABSENT
        }
    }

    /// The body of the update that writes this version.
    pub(super) fn update(&self, register: usize, version: u64) -> Value {
        if self.titles().contains(&register) {
            json!({"title": text_of(version), "userId": self.owner(version)})
        } else {
            json!({"name": text_of(version)})
        }
    }

    /// Deletes the scratch resources, every task that the category's list shows, and the resources with
    /// these paths, which a stale list may not show.
    pub(super) async fn remove(
        &self,
        client: &ApiClient,
        more: impl IntoIterator<Item = String>,
    ) -> Result<(), SetupError> {
        let list = format!("/tasks?categoryId={}&limit=100", self.category);
        let remaining = read(client, &list).await?;
        let tasks = rows(&remaining.body)
            .iter()
            .filter_map(|row| row["id"].as_i64());
        let tasks = tasks
            .chain(self.tasks.iter().copied())
            .chain([self.guest_task]);
        let paths = tasks.map(|id| format!("/tasks/{id}")).chain(more);
        let users = self.users.map(|id| format!("/users/{id}"));
        // What the tasks embed goes last.
        let last = users
            .into_iter()
            .chain([format!("/categories/{}", self.category)]);
        for path in paths.collect::<BTreeSet<_>>().into_iter().chain(last) {
            let is_gone = |answer: &ApiAnswer| answer.is_success() || answer.status == 404;
            insist(client, Method::DELETE, &path, None, is_gone).await?;
        }
        Ok(())
    }
}

/// The rows of a list.
pub(super) fn rows(body: &Value) -> &[Value] {
    let rows = body.get("data").and_then(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

/// The answer to a read, which is repeated until it is a success.
pub(super) async fn read(client: &ApiClient, path: &str) -> Result<ApiAnswer, SetupError> {
    insist(client, Method::GET, path, None, ApiAnswer::is_success).await
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
