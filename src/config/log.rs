//! The settings of the log.

use super::parsers::rule;
use clap::{Args, ValueEnum};

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
    /// On a developer's own machine.
    Development,
    /// Where clients rely on it.
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
