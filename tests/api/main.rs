//! The API from outside, in process: real HTTP, a real PostgreSQL and a real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[expect(dead_code, reason = "tests/outage/ uses some that these tests do not")]
mod helpers;

mod announce;
mod attempts;
mod bodies;
mod body_limits;
mod cache;
mod categories;
mod codes;
mod connections;
mod errors;
mod frozen;
mod generic_plans;
mod graceful_end;
mod hammer;
mod headers;
mod health;
mod idempotency;
mod import;
mod labels;
mod lists;
mod logs;
mod marks;
mod openapi;
mod outcome_unknown;
mod plans;
mod process;
mod rules;
mod scopes;
mod search;
mod shape;
mod startup;
mod tasks;
mod totals;
mod transactions;
mod users;
mod verify;
mod writes;
