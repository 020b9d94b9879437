//! The domain types and their rules: values that are valid by construction. No input or output.

pub mod category;
pub mod fields;
pub mod id;
pub mod import_row;
pub mod lsn;
pub mod page;
pub mod served_from;
pub mod task;
pub mod text;
pub mod timestamp;
pub mod user;
pub mod viewer;
