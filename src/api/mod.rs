//! HTTP: what comes in, what goes out, status codes. No SQL.

pub mod categories;
pub mod crud;
pub mod documentation;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod headers;
pub mod health;
pub mod labels;
pub mod resource;
pub mod tasks;
pub mod users;
