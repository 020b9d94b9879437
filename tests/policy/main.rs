//! What the project holds itself to beyond its behaviour: licences and sources of what it is made of,
//! and migrations that the version before them survives.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod licences;
mod migrations;
mod statements;
