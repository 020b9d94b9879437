//! taskfleet: a task-management HTTP API that behaves like one server at any number of instances.
//!
//! A request takes this way: [`middleware`] → [`api`] (HTTP) → [`app`] (how to read and to write) →
//! [`cache`] (Redis) and [`db`] (SQL), all in the words of [`domain`]. Imports go downwards only; the
//! table in `tests/architecture.rs` says which folder may import which, and `docs/ARCHITECTURE.md` what
//! each is for.

pub mod api;
pub mod app;
pub mod auth;
pub mod backoff;
pub mod cache;
pub mod config;
pub mod db;
pub mod domain;
pub mod middleware;
pub mod openapi;
pub mod roles;
pub mod routes;
pub mod shutdown;
pub mod startup;
pub mod telemetry;
