//! taskfleet: a task-management HTTP API that behaves like one server at any number of instances.
//!
//! A request takes this way, and no module calls one that stands before it:
//! [`middleware`] → [`api`] (HTTP) → [`cache`] (Redis) → [`db`] (SQL), all in the words of
//! [`domain`]. `tests/architecture.rs` keeps it so.

pub mod api;
pub mod cache;
pub mod caller;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod import;
pub mod middleware;
pub mod openapi;
pub mod password;
pub mod routes;
pub mod shutdown;
pub mod startup;
pub mod state;
pub mod telemetry;
pub mod verify;
