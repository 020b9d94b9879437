//! PostgreSQL, which holds the truth: one function per statement or transaction.

mod attempts;
pub mod categories;
mod connection;
pub mod constraints;
mod error;
pub mod idempotency;
pub mod import;
pub mod labels;
mod listener;
pub mod migrations;
mod page;
mod pool;
mod questions;
mod replica;
mod router;
mod status;
pub mod tasks;
pub mod users;
pub mod wait;
mod write;

pub use attempts::Attempt;
pub use connection::Connection;
pub use error::DbError;
pub use listener::listen;
pub use questions::{Questions, lsn};
pub use router::{Database, Router};
