//! The settings of the connections to PostgreSQL.

use super::parsers::{number, rule, seconds};
use clap::Args;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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
    #[arg(long = "database-wait-seconds", env = "DATABASE_WAIT_SECONDS", value_name = "DATABASE_WAIT_SECONDS", default_value = "60",
          value_parser = seconds(0..=86_400))]
    pub database_wait: Duration,
    /// The most connections to each PostgreSQL server that this process holds at once, spread over its workers,
    /// each of which has at least one
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 10,
          value_parser = number::<usize>(1..=1000))]
    pub database_max_connections: usize,
}

/// The URL of a PostgreSQL server; never printed, because it holds a password.
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

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
