//! The role `serve`: one stateless instance of the API.

use super::wait_for_database::wait_for_database;
use crate::config::ServeSettings;
use crate::startup::{Application, host_name};
use crate::telemetry;
use env_logger::Target;
use std::error::Error;

/// Waits for PostgreSQL and serves until SIGTERM or SIGINT; an error where the port is taken.
pub(super) async fn run(settings: &ServeSettings) -> Result<(), Box<dyn Error>> {
    let http = &settings.http;
    let name = http.instance.clone().unwrap_or_else(host_name);
    telemetry::start(&settings.log, &name, Target::Stdout);
    if http.workers.is_some() {
        log::warn!("WORKERS is now called HTTP_WORKERS; the old name will go with a later version");
    }
    if !wait_for_database(&settings.database).await? {
        return Ok(());
    }
    let (host, port) = (http.host, http.port);
    let application = Application::build(settings)
        .map_err(|error| format!("Cannot listen on {host}:{port}: {error}."))?;
    Ok(application.run_until_signalled().await?)
}
