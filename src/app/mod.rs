//! What handlers, the import and jobs share: how to read and how to write. No HTTP and no SQL text.

pub mod fills;
pub mod in_flight;
pub mod instance;
pub mod peers;
pub mod primary;
pub mod read;
pub mod state;
pub mod write;
