//! The API from outside, in process: real HTTP, a real PostgreSQL and a real Redis.

mod helpers;

mod cache;
mod categories;
mod hammer;
mod outage;
mod shape;
mod tasks;
mod users;
