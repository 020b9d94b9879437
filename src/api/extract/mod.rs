//! What handlers take out of a request; what cannot be taken out is a 400 that says why.

pub mod body;
pub mod client;
pub mod id;
pub mod idempotency;
pub mod path;
pub mod query;
