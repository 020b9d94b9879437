//! The composed system from outside. `make stack-test` starts it and runs these tests; plain
//! `cargo test` leaves them out (Cargo.toml).
//!
//! They share one system, so each has it to itself in turn, and leaves it as it was: four healthy
//! instances.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod balance;
mod browser;
mod containers;
mod demo;
mod failures;
mod freshness;
mod http;
mod lifecycle;
mod proxy;
mod redis;
mod replicas;
mod stack;
mod traffic;
