//! The roles of a process: one file or folder for each role that is more than a call.

mod announce;
mod healthcheck;
pub mod import;
mod migrate;
mod serve;
pub mod verify;
mod wait_for_database;

use crate::config::Role;
use crate::openapi;
use std::error::Error;
use std::process::ExitCode;

/// Runs a role to its end, and returns the exit code of the process.
pub async fn run(role: Role) -> Result<ExitCode, Box<dyn Error>> {
    match role {
        Role::Serve(settings) => serve::run(&settings).await?,
        Role::Migrate(settings) => migrate::run(&settings).await?,
        Role::Announce(settings) => announce::run(&settings).await?,
        Role::Import(settings) => import::run(&settings).await?,
        Role::Verify(settings) => {
            let is_clean = verify::run(&settings)
                .await
                .map_err(|error| format!("The deployment cannot be checked: {error}."))?;
            if !is_clean {
                return Ok(ExitCode::FAILURE);
            }
        }
        Role::Openapi => print!("{}", openapi::json()),
        Role::Healthcheck(settings) => healthcheck::run(settings.port).await?,
    }
    Ok(ExitCode::SUCCESS)
}
