//! Every setting: an environment variable (also read from `.env`) with a flag of the same name,
//! checked once at start.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
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
    /// The most connections to PostgreSQL that this process holds at once, spread over its workers,
    /// each of which has at least one
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 10,
          value_parser = number::<u32>(1..=1000))]
    pub database_max_connections: u32,
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
    #[arg(long, env = "CACHE_MEMORY_MIB", default_value_t = 8, value_parser = number::<u64>(1..=65_536))]
    pub cache_memory_mib: u64,
    /// The pause after each lookup of the generation, in which requests gather for the next, in
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

/// A parser for anything that parses from text, whose error says what is allowed and not what the
/// parser tripped over.
fn rule<T: FromStr + Clone + Send + Sync + 'static>(
    allowed: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| text.parse().map_err(|_| allowed.to_owned())
}

/// A parser for whole numbers in a range.
fn number<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + fmt::Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A parser for the name of an instance, which stands in a header.
fn instance_name(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
        .ok_or_else(|| "1 to 64 visible ASCII characters".to_owned())
}

/// Settings whose values are not shown.
const SECRETS: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];

impl Cli {
    /// Reads `.env`, the environment and the arguments (the program's name first). Where something
    /// is wrong with them, the error is what to print: one sentence, or clap's own help.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, CliError> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => {
                return Err(CliError::Sentence(format!(
                    "The file .env cannot be read: {error}."
                )));
            }
            _ => {}
        }
        let mut arguments: Vec<String> = arguments.into_iter().collect();
        let help = ["-h", "--help", "-V", "--version"];
        let names_no_role = |first: &String| first.starts_with('-') && !help.contains(&&**first);
        if arguments.get(1).is_none_or(names_no_role) {
            arguments.insert(1.min(arguments.len()), "serve".to_owned());
        }
        Self::try_parse_from(arguments).map_err(|error| match sentence(&error) {
            Some(sentence) => CliError::Sentence(sentence),
            None => CliError::Clap(error),
        })
    }
}

/// Why the program cannot be run as it was called.
#[derive(Debug)]
pub enum CliError {
    /// A setting is wrong, as this sentence says.
    Sentence(String),
    /// Anything else, help included.
    Clap(clap::Error),
}

/// One sentence that names the variable, the value and what is allowed.
fn sentence(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    };
    // "--database-url <DATABASE_URL>" is DATABASE_URL.
    let argument = text(ContextKind::InvalidArg)?;
    let variable = argument
        .rsplit_once('<')
        .map_or(&*argument, |(_, name)| name);
    let variable = variable.trim_end_matches('>');
    let allowed = match error.kind() {
        ErrorKind::ValueValidation => std::error::Error::source(error)?.to_string(),
        ErrorKind::InvalidValue => format!("one of {}", text(ContextKind::ValidValue)?),
        ErrorKind::MissingRequiredArgument if variable != "FILE" => {
            return Some(format!(
                "{variable} is not set; see taskfleet --help for what it has to be."
            ));
        }
        _ => return None,
    };
    Some(match text(ContextKind::InvalidValue)? {
        value if value.is_empty() => format!("{variable} is empty, but must be {allowed}."),
        _ if SECRETS.contains(&variable) => {
            format!("{variable} has a wrong value (not shown here); it must be {allowed}.")
        }
        value => format!("{variable} is \"{value}\", but must be {allowed}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// The error sentence of `taskfleet serve` with a good database and these flags.
    fn error_of(flags: &[&str]) -> String {
        let good = [
            "taskfleet",
            "serve",
            "--database-url",
            "postgres://localhost/tasks",
        ];
        let all = good
            .iter()
            .chain(flags)
            .map(|&argument| argument.to_owned());
        match Cli::read(all) {
            Err(CliError::Sentence(sentence)) => sentence,
            other => panic!("not a sentence: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_is_documented_everywhere() {
        let readme = include_str!("../README.md");
        let example = include_str!("../.env.example");
        let cli = Cli::command();
        let settings = cli.get_subcommands().flat_map(|role| role.get_arguments());
        for variable in settings.filter_map(|setting| setting.get_env()) {
            let variable = variable.to_str().unwrap();
            assert!(
                readme.contains(&format!("`{variable}`")),
                "{variable} is not in README.md"
            );
            assert!(
                example.contains(&format!("{variable}=")),
                "{variable} is not in .env.example"
            );
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_allowed() {
        for (flags, sentence) in [
            (
                ["--port", "65536"],
                "PORT is \"65536\", but must be a whole number from 0 to 65535.",
            ),
            (
                ["--log-format", "xml"],
                "LOG_FORMAT is \"xml\", but must be one of pretty, json.",
            ),
            (
                ["--host", ""],
                "HOST is empty, but must be an IP address, such as 127.0.0.1 or 0.0.0.0.",
            ),
            (
                ["--instance", "a b"],
                "INSTANCE is \"a b\", but must be 1 to 64 visible ASCII characters.",
            ),
        ] {
            assert_eq!(error_of(&flags), sentence);
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let sentence = error_of(&["--redis-url", "http://:hunter2@redis"]);
        assert!(
            sentence.starts_with("REDIS_URL has a wrong value (not shown here)"),
            "{sentence}"
        );
        let settings = Cli::read(
            ["taskfleet", "--database-url", "postgres://u:hunter2@h/d"].map(str::to_owned),
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
