//! What a process can be, and the settings of each role.

use super::cache::CacheSettings;
use super::database::DatabaseSettings;
use super::http::HttpSettings;
use super::log::LogSettings;
use super::parsers::{http_url, number, seconds};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// What a process can be.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// One stateless API instance (the default)
    Serve(ServeSettings),
    /// Applies the migrations and exits; the only thing that changes the schema
    Migrate(MigrateSettings),
    /// Makes every cached list outdated, for whoever has written with psql or restored a backup
    Announce(AnnounceSettings),
    /// Loads tasks from a file
    ///
    /// Each row has title, userName, userEmail and createdAt, and may have description, status and
    /// category; missing users and categories are created. Rows that are there already are
    /// skipped, so that a file can be loaded again. A row that breaks a rule is written, with its
    /// line number and the reasons, to FILE.rejected.ndjson (stdin.rejected.ndjson for standard
    /// input) or, where that file cannot be written, to standard error; the exit code is 0 all the
    /// same, and the last line tells how many there were.
    Import(ImportSettings),
    /// Checks a deployment from outside: no stale read, no lost write, no duplicate
    ///
    /// Writers and readers use the public API at once, on a scratch user, category and tasks that are
    /// removed afterwards, and what they saw is checked. The exit code is 0 where nothing is wrong, 1
    /// where something is, which is then shown with times and instances.
    Verify(VerifySettings),
    /// Prints the OpenAPI document
    Openapi,
    /// Asks the instance on this host whether it is ready; exits with 0 if so (for a container's
    /// HEALTHCHECK)
    Healthcheck(HealthcheckSettings),
}

/// The settings of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeSettings {
    /// The listener, the name and the shutdown of the instance.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The connections to PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Redis and the cache of lists.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The log of the instance.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateSettings {
    /// The connection to PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Redis, by which the instances are told that the schema is another one.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The log of the process.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `announce`.
#[derive(Clone, Debug, Args)]
pub struct AnnounceSettings {
    /// The connection to PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Redis, by which the instances are told.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The log of the process.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportSettings {
    /// The file to load: NDJSON or CSV, also gzipped; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The connection to PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Redis, by which an import announces its batches to the instances.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The log of the process.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifySettings {
    /// The deployment, as http://HOST:PORT
    #[arg(long, env = "VERIFY_URL", value_name = "VERIFY_URL", default_value = "http://localhost:8080", value_parser = http_url)]
    pub url: String,
    /// How long to go on, in seconds
    #[arg(long = "seconds", env = "VERIFY_SECONDS", value_name = "VERIFY_SECONDS", default_value = "30",
          value_parser = seconds(1..=86_400))]
    pub duration: Duration,
}

/// The settings of `healthcheck`.
#[derive(Clone, Debug, Args)]
pub struct HealthcheckSettings {
    /// The port of the instance
    #[arg(long, env = "PORT", default_value_t = 3000, value_parser = number::<u16>(1..=65535))]
    pub port: u16,
}
