//! The role `migrate`: brings the schema up to date, announces that, and ends.

use super::announce;
use super::wait_for_database::wait_for_database;
use crate::config::MigrateSettings;
use crate::db::migrations;
use crate::startup::host_name;
use crate::telemetry;
use env_logger::Target;
use std::error::Error;
use std::time::Duration;

/// How long Redis has to be reached.
const ANNOUNCE_LIMIT: Duration = Duration::from_secs(3);

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
    // What they changed, no write has announced. There may be no Redis yet, and nobody who has copies.
    if !announce::everything(&settings.database, &settings.cache, ANNOUNCE_LIMIT).await {
        let seconds = settings.cache.cache_ttl.as_secs();
        log::warn!(
            "Redis is out of reach: lists that instances have copied may show for up to {seconds} s \
             what was there before the migrations"
        );
    }
    Ok(())
}
