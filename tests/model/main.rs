//! A model of how lists stay fresh: every interleaving of writes, reads, connections and faults, in
//! which the program's own rules decide. `docs/MODEL.md` says what is modelled and what is not.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod config;
mod connections;
mod faults;
mod holds;
mod long;
mod model;
mod planted;
mod program;
mod reads;
mod rules;
mod search;
mod settle;
mod state;
mod step;
mod world;
mod writes;
