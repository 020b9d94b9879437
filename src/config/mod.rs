//! Every setting: an environment variable (also read from `.env`) with a flag of the same name,
//! checked once at start.

mod cache;
mod cli;
mod database;
mod http;
mod log;
mod parsers;
mod role;

pub use cache::{CacheSettings, RedisUrl};
pub use cli::{Cli, CliError};
pub use database::{DatabaseSettings, DatabaseUrl};
pub use http::HttpSettings;
pub use log::{AppEnv, LogFormat, LogSettings};
pub use role::{
    AnnounceSettings, HealthcheckSettings, ImportSettings, MigrateSettings, Role, ServeSettings,
    VerifySettings,
};
