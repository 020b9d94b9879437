//! Reads the command line, the environment and `.env`, and says in one sentence what is wrong there.

use super::role::Role;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The settings whose values are secrets and never shown.
const SECRETS: [&str; 3] = ["DATABASE_URL", "DATABASE_REPLICA_URLS", "REDIS_URL"];

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

impl Cli {
    /// Reads `.env`, the environment and the arguments (the program's name first). The error is what to
    /// print where a setting is wrong or help is asked for.
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

/// The error of a command line or an environment that the program cannot run with.
#[derive(Debug)]
pub enum CliError {
    /// A setting is wrong, as this sentence says.
    Sentence(String),
    /// Any other error of clap's, and its help.
    Clap(clap::Error),
}

/// A sentence that names the variable, the value and what is allowed; `None` where clap's own message is to
/// be printed.
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
        let readme = include_str!("../../README.md");
        let example = include_str!("../../.env.example");
        let cli = Cli::command();
        let settings = cli.get_subcommands().flat_map(|role| role.get_arguments());
        for variable in settings
            .filter(|setting| !setting.is_hide_set())
            .filter_map(|setting| setting.get_env())
        {
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
    fn invalid_setting_is_named_with_its_rule() {
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
    fn workers_still_sets_what_is_now_called_http_workers() {
        let count = |flags: &[&str]| {
            let serve = ["taskfleet", "--database-url", "postgres://localhost/tasks"];
            let all = serve.iter().chain(flags).map(|&flag| flag.to_owned());
            match Cli::read(all).map(|cli| cli.role) {
                Ok(Role::Serve(settings)) => settings.http.worker_count(),
                other => panic!("not serve: {other:?}"),
            }
        };
        assert_eq!(count(&["--workers", "7"]), 7);
        assert_eq!(count(&["--deprecated-workers", "7"]), 7);
        assert_eq!(count(&["--deprecated-workers", "7", "--workers", "9"]), 9);
    }

    #[test]
    fn secret_setting_is_not_shown() {
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
