//! The extractors of handlers, which answer an invalid request with an error that says what is wrong.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod id;
pub(crate) mod idempotency;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod write;
