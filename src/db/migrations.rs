//! The schema: its migrations, which only `taskfleet migrate` applies.

use super::error::DbError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

/// The migrations of this version of the program.
static MIGRATIONS: Migrator = sqlx::migrate!();

/// Applies the migrations that the database lacks. Concurrent calls wait for each other.
pub async fn migrate(database: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection: PgConnection = database.connect().await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Whether the database has every migration of this version of the program. It may have more: those
/// of a newer version that is being rolled out.
pub async fn is_migrated(db: &mut PgConnection) -> Result<bool, DbError> {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
    let applied = sqlx::query_scalar!("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(db)
        .await;
    match applied {
        Ok(applied) => Ok(applied >= newest),
        // There is no table of migrations: none was ever applied.
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "42P01") => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
