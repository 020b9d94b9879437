//! Tasks, and what a list of them can be filtered by.

use super::category::{Category, CategoryId};
use super::fields::{FieldError, FieldValue, Fields, Input};
use super::id::Id;
use super::page::{ListFilter, Order};
use super::scope::{Dependency, Place};
use super::text::{Description, SearchText, Title};
use super::timestamp::Timestamp;
use super::user::{User, UserId};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;
use std::str::FromStr;
use utoipa::ToSchema;

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// The work has not begun.
    #[default]
    Pending,
    /// The work has begun.
    InProgress,
    /// The work is done.
    Completed,
}

impl TaskStatus {
    /// The rule of a status, as the end of a sentence that begins with the name of the field.
    pub const RULE: &str = "must be one of pending, in-progress, completed";

    /// The status as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
        }
    }
}

impl FromStr for TaskStatus {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Pending, Self::InProgress, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(Self::RULE)
    }
}

impl FieldValue for TaskStatus {
    fn read(value: Value) -> Result<Self, String> {
        let text = value.as_str().unwrap_or_default();
        text.parse().map_err(str::to_owned)
    }
}

/// The id of a task.
pub type TaskId = Id<Task>;

/// A task, with the user and the category that it refers to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Identifies the task; never used again after it is deleted.
    pub id: TaskId,
    /// What is to be done.
    #[schema(example = "Rotate the signing keys")]
    pub title: String,
    /// More about the task; may be empty, null where there is none.
    #[schema(required = true, example = "Before the old ones run out in June.")]
    pub description: Option<String>,
    /// How far the task has come.
    pub status: TaskStatus,
    /// The id of the user who owns the task; null where that user was deleted or removed from it.
    #[schema(required = true, value_type = Option<i64>, minimum = 1, example = 1)]
    pub user_id: Option<UserId>,
    /// The id of the task's category; null where it has none.
    #[schema(required = true, value_type = Option<i64>, minimum = 1, example = 1)]
    pub category_id: Option<CategoryId>,
    /// When the task was created.
    pub created_at: Timestamp,
    /// When the task was last updated.
    pub updated_at: Timestamp,
    /// The user with the id `userId`.
    #[schema(required = true)]
    pub user: Option<User>,
    /// The category with the id `categoryId`.
    #[schema(required = true)]
    pub category: Option<Category>,
}

impl From<&Task> for Place {
    fn from(task: &Task) -> Self {
        Self {
            user_id: task.user_id,
            category_id: task.category_id,
        }
    }
}

/// What a task is created from.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewTask {
    /// What is to be done.
    pub title: Title,
    /// More about the task.
    pub description: Option<Description>,
    /// How far the task has come; `pending` if left out.
    #[schema(value_type = TaskStatus, required = false)]
    pub status: TaskStatus,
    /// The id of the user who owns the task.
    pub user_id: UserId,
    /// The id of the task's category.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub category_id: Option<CategoryId>,
}

impl Input for NewTask {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let title = fields.required("title");
        let description = fields.nullable("description");
        let status = fields.optional("status");
        let user_id = fields.required("userId");
        let category_id = fields.nullable("categoryId");
        fields.finish(|| {
            Some(Self {
                title: title?,
                description: description?.flatten(),
                status: status?.unwrap_or_default(),
                user_id: user_id?,
                category_id: category_id?.flatten(),
            })
        })
    }
}

/// What an update sets of a task, at least one field; a field that is left out stays as it is, and
/// null clears.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", min_properties = 1)]
pub struct TaskUpdate {
    /// What is to be done.
    #[schema(value_type = Title, required = false)]
    pub title: Option<Title>,
    /// More about the task; null clears it.
    #[schema(value_type = Option<Description>)]
    pub description: Option<Option<Description>>,
    /// How far the task has come.
    #[schema(value_type = TaskStatus, required = false)]
    pub status: Option<TaskStatus>,
    /// The id of the user who owns the task; null removes the user from it.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub user_id: Option<Option<UserId>>,
    /// The id of the task's category; null removes the task from its category.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub category_id: Option<Option<CategoryId>>,
}

impl Input for TaskUpdate {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let title = fields.optional("title");
        let description = fields.nullable("description");
        let status = fields.optional("status");
        let user_id = fields.nullable("userId");
        let category_id = fields.nullable("categoryId");
        fields.require_any();
        fields.finish(|| {
            Some(Self {
                title: title?,
                description: description?,
                status: status?,
                user_id: user_id?,
                category_id: category_id?,
            })
        })
    }
}

/// The filter and order of a list of tasks: it holds the tasks that match every filter that is given.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only tasks of this status.
    pub status: Option<TaskStatus>,
    /// Only tasks of this user.
    pub user_id: Option<UserId>,
    /// Only tasks of this category.
    pub category_id: Option<CategoryId>,
    /// Only tasks whose title, description, user's name or category's name contains this text,
    /// without regard to case.
    pub search: Option<SearchText>,
    /// The order of the list, by creation.
    pub order: Order,
}

impl ListFilter for TaskFilter {
    fn push_canonical(&self, key: &mut String) {
        // Without `..`: a new filter does not compile until it is part of the key.
        let Self {
            status,
            user_id,
            category_id,
            search,
            order,
        } = self;
        // The search stands last, because it may contain anything.
        // Writing to a String cannot fail.
        _ = write!(
            key,
            "{}:{}:{}:{}:{}",
            user_id.map_or(0, Id::get),
            category_id.map_or(0, Id::get),
            order.as_str(),
            status.map_or("", TaskStatus::as_str),
            search.as_ref().map_or("", SearchText::as_str),
        );
    }

    fn dependency(&self) -> Dependency {
        // Without `..`: for a new filter, somebody has to think of what the list depends on.
        let Self {
            user_id,
            category_id,
            status: _,
            search: _,
            order: _,
        } = self;
        Dependency::of_tasks(*user_id, *category_id)
    }
}
