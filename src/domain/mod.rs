//! The words of the field, and the rules that their values keep. No input or output.

pub mod category;
pub mod fields;
pub mod id;
pub mod import;
pub mod lsn;
pub mod page;
pub mod task;
pub mod timestamp;
pub mod user;
