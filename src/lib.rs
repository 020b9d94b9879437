//! taskfleet: a task-management HTTP API that behaves like one server at any number of instances.
//!
//! A request takes this way: `middleware` → `api` (HTTP) → [`app`] (how to read and to write) →
//! [`cache`] (Redis) and [`db`] (SQL), all in the words of [`domain`]. Imports go downwards only; the
//! table in `tests/architecture.rs` says which folder may import which, and `docs/ARCHITECTURE.md` what
//! each is for.

pub(crate) mod api;
pub mod app;
pub(crate) mod auth;
pub(crate) mod backoff;
pub mod cache;
pub mod config;
pub mod db;
pub mod domain;
pub(crate) mod listener;
pub(crate) mod middleware;
pub mod openapi;
pub mod roles;
pub(crate) mod routes;
pub(crate) mod shutdown;
pub mod startup;
pub mod telemetry;
