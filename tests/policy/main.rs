//! What the project holds itself to beyond its behaviour: licences and sources of what it is made of,
//! migrations that the version before them survives, and a documented code for every problem.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod codes;
mod licences;
mod migrations;
mod statements;
