//! Passwords: decisions and hashing, no other input or output.

pub(crate) mod passwords;
