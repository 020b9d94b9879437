//! The program: reads its role and settings, and runs it.

use mimalloc::MiMalloc;
use std::process::ExitCode;
use taskfleet::config::{Cli, CliError};
use taskfleet::{roles, telemetry};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let role = match Cli::read(std::env::args()) {
        Ok(cli) => cli.role,
        Err(CliError::Sentence(sentence)) => {
            eprintln!("{sentence}");
            return ExitCode::from(2);
        }
        Err(CliError::Clap(error)) => error.exit(),
    };
    let result = roles::run(role).await;
    telemetry::end();
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
