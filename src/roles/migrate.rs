//! The role `migrate`: brings the schema up to date and ends.

use super::wait_for_database::wait_for_database;
use crate::config::MigrateSettings;
use crate::db::migrations;
use crate::startup::host_name;
use crate::telemetry;
use env_logger::Target;
use std::error::Error;

/// Waits for PostgreSQL and applies the migrations that the database lacks.
pub(super) async fn run(settings: &MigrateSettings) -> Result<(), Box<dyn Error>> {
    telemetry::start(&settings.log, &host_name(), Target::Stdout);
    if !wait_for_database(&settings.database).await? {
        return Ok(());
    }
    migrations::migrate(&settings.database.database_url.0)
        .await
        .map_err(|error| format!("The migrations could not be applied: {error}."))?;
    log::info!("the database has all migrations");
    Ok(())
}
