//! The words of the field and the rules that their values keep: values that can only be made valid. No
//! input or output.

pub mod category;
pub mod fields;
pub mod id;
pub mod import_row;
pub mod label;
pub mod lsn;
pub mod page;
pub mod served_from;
pub mod task;
pub mod text;
pub mod timestamp;
pub mod user;
pub mod viewer;
