//! The API from outside, in process: real HTTP, a real PostgreSQL and a real Redis.

mod helpers;

mod bodies;
mod cache;
mod categories;
mod errors;
mod hammer;
mod health;
mod lists;
mod search;
mod shape;
mod tasks;
mod users;
