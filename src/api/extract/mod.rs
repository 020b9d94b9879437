//! The extractors of handlers, which answer an invalid request with an error that says what is wrong.

pub mod body;
pub mod client;
pub mod id;
pub mod idempotency;
pub mod path;
pub mod query;
