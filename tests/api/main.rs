//! The API from outside, in process: real HTTP, a real PostgreSQL and a real Redis.

mod helpers;

mod cache;
mod hammer;
mod outage;
