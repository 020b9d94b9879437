//! Copies of lists in Redis and in this process, none of which is served once it is outdated.
//!
//! What a list shows depends on *scopes*, each of which has a random value in Redis that every write to
//! it replaces, after its commit and before its acknowledgement. A copy counts only under exactly the
//! values that are current, and only while no *mark* says that a transaction may be changing them. See
//! docs/adr/0001-freshness.md.

mod batcher;
mod commands;
mod connection;
mod entry;
mod key;
mod links;
mod lookup;
pub mod mark;
mod memory;
mod primary;
mod relay;
mod repair;
pub mod view;
mod worker;

pub use commands::Raise;
pub use entry::Entry;
pub use key::ListKey;
pub use links::{Links, any};
pub use memory::{Bodies, bodies};
pub use primary::Primary;
pub use relay::Relayed;
pub use worker::{Announced, Cache, Search};
