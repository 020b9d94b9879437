//! Every setting: an environment variable (also read from `.env`) with a flag of the same name,
//! checked once at start.

mod cli;
mod parsers;

pub use cli::CliError;

use clap::{Args, Parser, Subcommand, ValueEnum};
use parsers::{http_url, instance_name, number, rule};
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "taskfleet",
    version,
    about = "A task-management HTTP API that behaves like one server at any number of instances",
    after_help = "Without a role, `serve` is run. Every setting can also stand in a file .env in \
                  the working directory; the environment goes before that file and a flag before \
                  both."
)]
pub struct Cli {
    /// What this process is to be.
    #[command(subcommand)]
    pub role: Role,
}

/// What a process can be.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// One stateless API instance (the default)
    Serve(ServeSettings),
    /// Applies the migrations and exits; the only thing that changes the schema
    Migrate(MigrateSettings),
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
    /// Where the instance listens and how it names itself.
    #[command(flatten)]
    pub http: HttpSettings,
    /// How it reaches PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// How it uses Redis.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// What it logs.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateSettings {
    /// How to reach PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// What to log.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The settings of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportSettings {
    /// The file to load: NDJSON or CSV, also gzipped; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to reach PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// How to tell the instances that there is something new.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// What to log.
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
    #[arg(long, env = "VERIFY_SECONDS", value_name = "VERIFY_SECONDS", default_value_t = 30, value_parser = number::<u64>(1..=86_400))]
    pub seconds: u64,
}

/// The settings of `healthcheck`.
#[derive(Clone, Debug, Args)]
pub struct HealthcheckSettings {
    /// The port of the instance
    #[arg(long, env = "PORT", default_value_t = 3000, value_parser = number::<u16>(1..=65535))]
    pub port: u16,
}

/// Where an instance listens and how it names itself.
#[derive(Clone, Debug, Args)]
pub struct HttpSettings {
    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1",
          value_parser = rule::<IpAddr>("an IP address, such as 127.0.0.1 or 0.0.0.0"))]
    pub host: IpAddr,
    /// The port to listen on; 0 for any that is free
    #[arg(long, env = "PORT", default_value_t = 3000, value_parser = number::<u16>(0..=65535))]
    pub port: u16,
    /// How many threads serve requests; left out, as many as there are cores
    #[arg(long, env = "WORKERS", value_parser = number::<usize>(1..=256))]
    pub workers: Option<usize>,
    /// The name of this instance, as it stands in X-Instance and in the log; left out, the host's
    #[arg(long, env = "INSTANCE", value_parser = instance_name)]
    pub instance: Option<String>,
    /// How long requests in flight may take to finish after SIGTERM, in seconds
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", default_value_t = 30,
          value_parser = number::<u64>(1..=3600))]
    pub shutdown_timeout_seconds: u64,
    /// How long answers carry `Connection: close` after SIGTERM before the listener closes, in
    /// milliseconds
    #[arg(long, env = "DRAIN_MS", default_value_t = 1000, value_parser = number::<u64>(0..=60_000))]
    pub drain_ms: u64,
}

/// How to reach PostgreSQL.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// PostgreSQL, as postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "DATABASE_URL", hide_env_values = true,
          value_parser = rule::<DatabaseUrl>("a URL such as postgres://user:password@host:5432/database"))]
    pub database_url: DatabaseUrl,
    /// Replicas of it to read from, each as a URL like the one above, separated by commas
    #[arg(long, env = "DATABASE_REPLICA_URLS", hide_env_values = true, value_delimiter = ',',
          value_parser = rule::<DatabaseUrl>("URLs such as postgres://user:password@host:5432/database, separated by commas"))]
    pub database_replica_urls: Vec<DatabaseUrl>,
    /// How long to wait for PostgreSQL at start before giving up, in seconds
    #[arg(long, env = "DATABASE_WAIT_SECONDS", default_value_t = 60, value_parser = number::<u64>(0..=86_400))]
    pub database_wait_seconds: u64,
    /// The most connections to each PostgreSQL server that this process holds at once, spread over its workers,
    /// each of which has at least one
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 10,
          value_parser = number::<usize>(1..=1000))]
    pub database_max_connections: usize,
}

/// How to use Redis.
#[derive(Clone, Debug, Args)]
pub struct CacheSettings {
    /// Redis, as redis://USER:PASSWORD@HOST:PORT
    #[arg(long, env = "REDIS_URL", hide_env_values = true, default_value = "redis://127.0.0.1:6379",
          value_parser = rule::<RedisUrl>("a URL such as redis://user:password@host:6379"))]
    pub redis_url: RedisUrl,
    /// How long Redis has to answer before reads go to the database, in milliseconds
    #[arg(long, env = "REDIS_TIMEOUT_MS", default_value_t = 100, value_parser = number::<u64>(1..=60_000))]
    pub redis_timeout_ms: u64,
    /// What the keys in Redis begin with, so that several deployments can share one
    #[arg(long, env = "REDIS_KEY_PREFIX", default_value = "taskfleet:")]
    pub redis_key_prefix: String,
    /// How long an entry may be served after it was read from the database, in seconds
    #[arg(long, env = "CACHE_TTL_SECONDS", default_value_t = 30, value_parser = number::<u64>(1..=86_400))]
    pub cache_ttl_seconds: u64,
    /// How much memory remembered bodies may take in this process, in MiB
    #[arg(long, env = "CACHE_MEMORY_MIB", default_value_t = 3, value_parser = number::<u64>(1..=65_536))]
    pub cache_memory_mib: u64,
    /// The longest pause after a lookup of the generation, in which requests gather for the next, in
    /// milliseconds; 0 for none
    #[arg(long, env = "CACHE_LOOKUP_PAUSE_MS", default_value_t = 1, value_parser = number::<u64>(0..=1000))]
    pub cache_lookup_pause_ms: u64,
}

/// What to log.
#[derive(Clone, Debug, Args)]
pub struct LogSettings {
    /// Where the program runs
    #[arg(long, env = "APP_ENV", default_value = "development")]
    pub app_env: AppEnv,
    /// How log lines look; left out, json in production and pretty elsewhere
    #[arg(long, env = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// The least severe level that is logged
    #[arg(long, env = "LOG_LEVEL", default_value = "info",
          value_parser = rule::<log::LevelFilter>("one of off, error, warn, info, debug, trace"))]
    pub log_level: log::LevelFilter,
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AppEnv {
    /// On somebody's own machine.
    Development,
    /// Where others rely on it.
    Production,
}

impl AppEnv {
    /// The environment as the settings and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For programs: one JSON object a line.
    Json,
}

/// Where PostgreSQL is; never printed, because it holds a password.
#[derive(Clone)]
pub struct DatabaseUrl(pub PgConnectOptions);

impl FromStr for DatabaseUrl {
    type Err = sqlx::Error;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(sqlx::Error::Configuration("not a PostgreSQL URL".into()));
        }
        url.parse().map(Self)
    }
}

/// Where Redis is; never printed, because it may hold a password.
#[derive(Clone)]
pub struct RedisUrl(pub redis::Client);

impl FromStr for RedisUrl {
    type Err = redis::RedisError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        redis::Client::open(url).map(Self)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
