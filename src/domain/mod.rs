//! The domain types and their rules: values that are valid by construction. No input or output.

pub mod category;
pub mod fields;
pub mod id;
pub mod import_row;
pub mod label;
pub mod log_position;
pub mod page;
pub mod scope;
pub mod served_from;
pub mod task;
pub mod text;
pub mod timestamp;
pub mod transaction;
pub mod user;
pub mod viewer;
