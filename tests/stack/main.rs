//! The composed system from outside. `make stack-test` (which `make test` runs) starts it and runs the
//! short tests, one for each class of fault; `make test-all` runs all of them, and makes each fault
//! happen twice. Plain `cargo test` leaves them out (Cargo.toml).
//!
//! - Short: what NGINX does (`proxy`, `balance`, `passing_on`), what containers may do (`containers`),
//!   Swagger UI in a browser (`browser`), writes seen at once everywhere (`freshness`, `order`,
//!   `one_server`), `make demo` (`demo`); instances come, go and die (`lifecycle`), instances, Redis,
//!   replicas, NGINX and the primary fail (`failures`, `redis`).
//! - Long (`long`): what takes longer and fails in the same ways: replacing, killing, re-cloning them
//!   all, the order of reads beside faults, and how much replicas take over.
//!
//! They share one system, so each has it to itself in turn, and leaves it as it was: four healthy
//! instances. scripts/stack-test prints how long each took.

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
mod direct;
mod failures;
mod freshness;
mod http;
mod lifecycle;
mod long;
mod one_server;
mod order;
mod passing_on;
mod proxy;
mod redis;
mod stack;
mod traffic;
