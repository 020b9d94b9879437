//! The role `import`: loads tasks from a file, as often as one likes, without loading any twice.
//!
//! A thread reads rows and hands on batches; each batch is one transaction. The generation is
//! raised once, when the last one has been committed.

mod batches;
mod lines;
mod progress;
mod reader;
mod rejected;
mod source;

use crate::cache::{self, Cache};
use crate::config::ImportSettings;
use crate::db::{self, Database, DbError};
use crate::domain::import::KeyedRow;
use batches::Batch;
use indicatif::HumanCount;
use progress::Progress;
use reader::Reader;
use rejected::Rejected;
use source::Source;
use sqlx::postgres::PgConnection;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long PostgreSQL has to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a batch may take, however often it is tried.
const BATCH_TIMEOUT: Duration = Duration::from_secs(300);
/// How long Redis has to hear of what was loaded.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a file was not loaded, or not to its end. What was loaded before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such file.
    #[error("There is no file {0}.")]
    Missing(String),
    /// It is a directory.
    #[error("{0} is a directory, not a file.")]
    Directory(String),
    /// It is called something.gz, but is not.
    #[error("{0} is not gzip-compressed, as its name says.")]
    NotGzip(String),
    /// The header of a CSV file does not fit.
    #[error("The header of {0} {1}.")]
    Header(String, String),
    /// The file cannot be read from this line on.
    #[error("{0} cannot be read from line {1} on: {2}.")]
    Unreadable(String, u64, #[source] io::Error),
    /// The database lacks tables.
    #[error("The database lacks migrations; run `taskfleet migrate` first.")]
    NotMigrated,
    /// The database failed.
    #[error("The import failed: {0}.")]
    Database(#[from] DbError),
    /// Somebody stopped the import.
    #[error("The import was stopped; run it again to load the rest.")]
    Stopped,
    /// The system refused what an import cannot do without.
    #[error("The import cannot be started: {0}.")]
    System(#[source] io::Error),
}

/// What an import did.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many tasks it added.
    pub imported: u64,
    /// How many were there already.
    pub skipped: u64,
    /// How many rows it refused.
    pub rejected: u64,
    /// Where these are.
    rejected_place: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = if self.imported == 1 { "task" } else { "tasks" };
        write!(
            formatter,
            "Imported {} {tasks}, skipped {} that were there already, rejected {}{}.",
            HumanCount(self.imported),
            HumanCount(self.skipped),
            HumanCount(self.rejected),
            self.rejected_place,
        )
    }
}

/// Loads a file and says on standard output what became of it, even where the end is an error.
pub async fn run(settings: &ImportSettings) -> Result<(), ImportError> {
    let file = &settings.file;
    let name = source::name(file);
    let source = Source::open(file)?;
    let progress = Progress::start(source.size);
    let position = Arc::clone(&source.position);
    let reader = Reader::new(source, &name)?;
    let mut database = connect(settings).await?;

    let rejected = Arc::new(Mutex::new(Rejected::of(file)));
    let refuse = {
        let (rejected, progress) = (Arc::clone(&rejected), progress.clone());
        move |row| lock(&rejected).add(&row, &progress)
    };
    let mut batches = batches::read(reader, name, position, refuse).map_err(ImportError::System)?;
    let mut summary = Summary::default();
    let loaded = load(&mut database, &mut batches, &progress, &mut summary).await;
    progress.end();
    // Even after an error: batches before it may have been committed.
    let announced = announce(settings).await;

    let rejected = lock(&rejected);
    summary.rejected = rejected.count();
    summary.rejected_place = rejected.to_string();
    println!("{summary}");
    if !announced {
        let seconds = settings.cache.cache_ttl_seconds;
        eprintln!(
            "Redis is out of reach, so lists may be up to {seconds} s old (CACHE_TTL_SECONDS)."
        );
    }
    if loaded.is_ok()
        && let Err(error) = rejected.tidy()
    {
        let path = rejected.path().display();
        eprintln!("{path} is of an earlier import and cannot be removed: {error}.");
    }
    loaded
}

async fn connect(settings: &ImportSettings) -> Result<PgConnection, ImportError> {
    let url = &settings.database.database_url.0;
    let connecting = timeout(CONNECT_TIMEOUT, db::import::connect(url));
    let mut database = connecting.await.unwrap_or_else(|_| Err(too_late()))?;
    match db::migrations::is_migrated(&mut database).await? {
        true => Ok(database),
        false => Err(ImportError::NotMigrated),
    }
}

/// Loads batch after batch, to the end of the file or the first error.
async fn load(
    database: &mut PgConnection,
    batches: &mut mpsc::Receiver<Result<Batch, ImportError>>,
    progress: &Progress,
    summary: &mut Summary,
) -> Result<(), ImportError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ImportError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ImportError::System)?;
    loop {
        let batch = tokio::select! {
            biased;
            _ = terminate.recv() => return Err(ImportError::Stopped),
            _ = interrupt.recv() => return Err(ImportError::Stopped),
            batch = batches.recv() => batch,
        };
        let Some(batch) = batch.transpose()? else {
            return Ok(());
        };
        let inserted = insert(database, &batch.rows).await?;
        let rows = batch.rows.len() as u64;
        summary.imported += inserted;
        summary.skipped += rows - inserted;
        progress.advance(rows, batch.end);
    }
}

async fn insert(database: &mut PgConnection, rows: &[KeyedRow]) -> Result<u64, DbError> {
    timeout(BATCH_TIMEOUT, db::import::insert_missing(database, rows))
        .await
        .unwrap_or_else(|_| Err(too_late()))
}

fn too_late() -> DbError {
    sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut)).into()
}

/// Makes every list outdated that was read before now; whether Redis could be told.
async fn announce(settings: &ImportSettings) -> bool {
    // The first act on every new connection is to raise the generation, which is all that is
    // needed: raising it once more would only empty every cache a second time.
    let ask_position = Box::new(Database::start(&settings.database).router(1).ask_position());
    let cache = Cache::start(&settings.cache, cache::bodies(0), ask_position);
    timeout(REDIS_TIMEOUT, cache.connected()).await.is_ok()
}

fn lock(rejected: &Mutex<Rejected>) -> MutexGuard<'_, Rejected> {
    rejected.lock().unwrap_or_else(PoisonError::into_inner)
}
