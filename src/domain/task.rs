//! Tasks, and what a list of them can be filtered by.

use super::{category::Category, page::Order, timestamp::Timestamp, user::User};
use serde::Serialize;
use std::str::FromStr;
use utoipa::ToSchema;
use validator::Validate;

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// Nobody has begun.
    #[default]
    Pending,
    /// Somebody is at it.
    InProgress,
    /// It is done.
    Completed,
}

impl TaskStatus {
    /// What a status must be, as the end of a sentence that begins with the name of the field.
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

/// A task with the user and the category that it refers to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    #[schema(minimum = 1, example = 1)]
    pub id: i64,
    /// What is to be done.
    #[schema(example = "Rotate the signing keys")]
    pub title: String,
    /// More about it; may be empty, null where there is none.
    #[schema(required = true, example = "Before the old ones run out in June.")]
    pub description: Option<String>,
    /// How far it has come.
    pub status: TaskStatus,
    /// Whose it is; null where that user was deleted or taken off.
    #[schema(required = true, minimum = 1, example = 1)]
    pub user_id: Option<i64>,
    /// Which category it belongs to, if any.
    #[schema(required = true, minimum = 1, example = 1)]
    pub category_id: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The user that `userId` names.
    #[schema(required = true)]
    pub user: Option<User>,
    /// The category that `categoryId` names.
    #[schema(required = true)]
    pub category: Option<Category>,
}

/// What a task is made from.
#[derive(Debug, Validate, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewTask {
    /// What is to be done, 1 to 200 characters.
    #[validate(length(min = 1, max = 200, message = "must be 1 to 200 characters long"))]
    #[schema(min_length = 1, max_length = 200, example = "Rotate the signing keys")]
    pub title: String,
    /// More about it, at most 1000 characters.
    #[validate(length(max = 1000, message = "must be at most 1000 characters long"))]
    #[schema(max_length = 1000, example = "Before the old ones run out in June.")]
    pub description: Option<String>,
    /// How far it has come; `pending` if left out.
    #[schema(value_type = Option<TaskStatus>, nullable = false)]
    pub status: TaskStatus,
    /// Whose it is.
    #[schema(minimum = 1, example = 1)]
    pub user_id: i64,
    /// Which category it belongs to.
    #[schema(minimum = 1, example = 1)]
    pub category_id: Option<i64>,
}

/// What changes about a task: a field left out stays as it is, null clears.
#[derive(Debug, Validate, ToSchema)]
#[schema(rename_all = "camelCase", min_properties = 1)]
pub struct TaskChange {
    /// What is to be done, 1 to 200 characters.
    #[validate(length(min = 1, max = 200, message = "must be 1 to 200 characters long"))]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        example = "Rotate the signing keys"
    )]
    pub title: Option<String>,
    /// More about it, at most 1000 characters; null clears it.
    #[validate(length(max = 1000, message = "must be at most 1000 characters long"))]
    #[schema(value_type = Option<String>, max_length = 1000, example = "Done in May.")]
    pub description: Option<Option<String>>,
    /// How far it has come.
    #[schema(nullable = false, example = "completed")]
    pub status: Option<TaskStatus>,
    /// Whose it is; null takes it off.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub user_id: Option<Option<i64>>,
    /// Which category it belongs to; null takes it out.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub category_id: Option<Option<i64>>,
}

/// What a list of tasks holds: those for which everything given is true, in the order given.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Only tasks of this status.
    pub status: Option<TaskStatus>,
    /// Only tasks of this user.
    pub user_id: Option<i64>,
    /// Only tasks of this category.
    pub category_id: Option<i64>,
    /// Only tasks whose title, description, user's name or category's name contains this text,
    /// without regard to case.
    pub search: Option<String>,
    /// By creation.
    pub order: Order,
}
