//! PostgreSQL, which holds the truth: one function per statement or transaction.

pub mod attempts;
mod breaker;
pub mod categories;
mod connection;
pub mod constraints;
mod database;
mod error;
pub mod idempotency;
pub mod import;
pub mod labels;
mod listener;
pub mod migrations;
mod page;
mod pool;
mod positions;
mod questions;
mod replica;
mod router;
mod status;
pub mod tasks;
pub mod users;
pub mod wait;
mod write;

pub use connection::Connection;
pub use database::Database;
pub use error::DbError;
pub use listener::listen;
pub use questions::Questions;
pub use router::Router;
