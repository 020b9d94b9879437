//! HTTP: what comes in, what goes out, status codes. No SQL.

pub mod body;
pub mod categories;
pub mod create;
pub mod health;
pub mod item;
pub mod path;
pub mod query;
pub mod respond;
pub mod tasks;
pub mod users;
