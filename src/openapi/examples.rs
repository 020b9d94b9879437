//! Examples of answers, made from the same types as the answers.

use crate::api::body;
use crate::domain::category::Category;
use crate::domain::fields::FieldError;
use crate::domain::id;
use crate::domain::task::{Task, TaskStatus};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::{ApiError, Problem};
use chrono::DateTime;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::openapi::HttpMethod;

/// The body of an operation's answer with this status, where that is a thing, a list of things or
/// the end of a thing.
pub fn success(path: &str, method: &HttpMethod, status: &str) -> Option<Value> {
    let (thing, name) = thing(path)?;
    let status: u16 = status.parse().ok()?;
    let done = |done| format!("The {name} was {done}.");
    Some(match (method, path.contains("{id}")) {
        (HttpMethod::Post, _) => {
            json!({"status": status, "message": done("created"), "data": thing})
        }
        (HttpMethod::Put, _) => {
            json!({"status": status, "message": done("changed"), "data": thing})
        }
        (HttpMethod::Delete, _) => json!({"status": status, "message": done("deleted")}),
        (_, true) => json!({"status": status, "data": thing}),
        (_, false) => json!({
            "status": status, "total": 1, "page": 1, "limit": 10, "totalPages": 1, "data": [thing],
        }),
    })
}

/// The body of an error of an operation with this status.
pub fn problem(path: &str, method: &HttpMethod, status: u16) -> Value {
    let name = thing(path).map_or("thing", |(_, name)| name);
    let no_cause = || Arc::new(std::fmt::Error);
    let error = match status {
        400 => ApiError::Invalid(vec![invalid(path, method)]),
        404 => ApiError::NotFound(name, 1),
        409 if path.starts_with("/users") => ApiError::EmailTaken,
        409 => ApiError::InFlight,
        413 => ApiError::TooLarge(body::MAX_BYTES),
        415 => ApiError::NotJson,
        422 => ApiError::KeyReused,
        503 => ApiError::Unavailable(no_cause()),
        _ => ApiError::Internal(no_cause()),
    };
    let problem = Problem::new(&error, Some("0b6f8f3e-6d0c-4f0e-9c39-0d1f5a2b7c11"));
    json!(problem)
}

fn invalid(path: &str, method: &HttpMethod) -> FieldError {
    match (method, path) {
        (HttpMethod::Post, "/tasks") => FieldError::new("title", "is required"),
        (HttpMethod::Put, "/tasks/{id}") => FieldError::new("status", TaskStatus::RULE),
        (HttpMethod::Post | HttpMethod::Put, _) => {
            FieldError::new("name", "must be 1 to 100 characters long")
        }
        (_, path) if path.contains("{id}") => FieldError::new("id", id::RULE),
        _ => FieldError::new("limit", "must be a whole number from 1 to 100"),
    }
}

/// What a path is about, and how it is called.
fn thing(path: &str) -> Option<(Value, &'static str)> {
    let resource = path.trim_start_matches('/').split('/').next()?;
    Some(match resource {
        "tasks" => (json!(task()), "task"),
        "users" => (json!(user()), "user"),
        "categories" => (json!(category()), "category"),
        _ => return None,
    })
}

fn task() -> Task {
    Task {
        id: 1,
        title: "Rotate the signing keys".to_owned(),
        description: Some("Before the old ones run out in June.".to_owned()),
        status: TaskStatus::Pending,
        user_id: Some(1),
        category_id: Some(1),
        created_at: time(),
        updated_at: time(),
        user: Some(user()),
        category: Some(category()),
    }
}

fn user() -> User {
    User {
        id: 1,
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        created_at: time(),
        updated_at: time(),
    }
}

fn category() -> Category {
    Category {
        id: 1,
        name: "Infrastructure".to_owned(),
        created_at: time(),
        updated_at: time(),
    }
}

/// 2026-05-17 09:30 UTC.
fn time() -> Timestamp {
    Timestamp(DateTime::from_timestamp(1_779_010_200, 0).unwrap_or_default())
}
