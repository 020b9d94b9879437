//! The role `announce`: makes every cached list outdated, for whoever has written around the program.

use crate::app::write::Writer;
use crate::config::{AnnounceSettings, CacheSettings, DatabaseSettings};
use crate::db::Database;
use crate::startup::host_name;
use crate::telemetry;
use env_logger::Target;
use std::error::Error;
use std::time::Duration;

/// Announces, and prints that it has; an error where no instance may have heard of it.
pub(super) async fn run(settings: &AnnounceSettings) -> Result<(), Box<dyn Error>> {
    telemetry::start(&settings.log, &host_name(), Target::Stderr);
    if !everything(&settings.database, &settings.cache, Duration::from_secs(10)).await {
        return Err(
            "Redis, or PostgreSQL, is out of reach, from here and from every instance: \
                    nothing was announced. Instances that reach neither serve no copies."
                .into(),
        );
    }
    println!("Every list and every replica is read anew from now on.");
    Ok(())
}

/// Makes everything outdated that was read before now; false where neither this process nor an instance
/// reaches Redis within this time.
pub(super) async fn everything(
    database: &DatabaseSettings,
    cache: &CacheSettings,
    limit: Duration,
) -> bool {
    let database = Database::start(database);
    let writer = Writer::alone(&database, database.router(1), cache);
    writer.announce_everything(limit).await
}
