//! Copies of lists in Redis and in this process, none of which is served once it is outdated.
//!
//! Everything that a list shows has one *generation*, a number in Redis that each write raises
//! after its commit and before its acknowledgement. A copy counts only if it was read under the
//! generation that is current when it is asked for. See docs/adr/0001-freshness.md.

mod batcher;
mod connection;
mod entry;
mod generation;
mod key;
mod lookup;
pub mod mark;
mod memory;
mod read_through;
pub mod view;

pub use connection::AskPosition;
pub use entry::Entry;
pub use key::ListKey;
pub use memory::{Bodies, bodies};
pub use read_through::{Cache, CacheStatus, CachedList};
