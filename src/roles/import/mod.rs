//! The role `import`: loads tasks from a file, as often as one likes, without loading any twice.
//!
//! A thread reads rows and hands on batches; each batch is one transaction, which is announced
//! by itself.

mod batches;
mod error;
mod input_file;
mod lines;
mod progress;
mod reader;
mod rejected;

use crate::app::write::Writer;
use crate::config::ImportSettings;
use crate::db::migrations;
use crate::db::{self, Connection, Database, DbError};
use crate::domain::import_row::KeyedRow;
use batches::Batch;
use error::ImportError;
use indicatif::HumanCount;
use input_file::InputFile;
use progress::Progress;
use reader::RowReader;
use rejected::Rejected;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The most attempts at a batch that lost a race against a request.
const ATTEMPTS: u32 = 5;

/// The counts of an import.
#[derive(Debug, Default)]
pub struct Summary {
    /// The number of tasks that were added.
    pub imported: u64,
    /// The number of rows whose tasks were there already.
    pub skipped: u64,
    /// The number of rows that were rejected.
    pub rejected: u64,
    /// The place of the rejected rows, for the end of a sentence.
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

/// Loads a file and prints the summary on standard output, also where the import ends with an error.
pub async fn run(settings: &ImportSettings) -> Result<(), ImportError> {
    let file = &settings.file;
    let name = input_file::name(file);
    let source = InputFile::open(file)?;
    let progress = Progress::start(source.size);
    let position = Arc::clone(&source.position);
    let reader = RowReader::new(source, &name)?;
    let writer = connect(settings).await?;

    let rejected = Arc::new(Mutex::new(Rejected::of(file)));
    let reject = {
        let (rejected, progress) = (Arc::clone(&rejected), progress.clone());
        move |row| lock(&rejected).add(&row, &progress)
    };
    let mut batches = batches::read(reader, name, position, reject).map_err(ImportError::System)?;
    let mut batch_results = BatchResults::default();
    let loaded = load(&writer, &mut batches, &progress, &mut batch_results).await;
    progress.end();
    let BatchResults { rows, inserted } = batch_results;

    let rejected = lock(&rejected);
    let summary = Summary {
        imported: inserted,
        skipped: rows - inserted,
        rejected: rejected.count(),
        rejected_place: rejected.to_string(),
    };
    println!("{summary}");
    if loaded.is_ok()
        && let Err(error) = rejected.remove_stale_file()
    {
        let path = rejected.path().display();
        eprintln!("{path} is of an earlier import and cannot be removed: {error}.");
    }
    loaded
}

/// The write path of this import.
async fn connect(settings: &ImportSettings) -> Result<Writer, ImportError> {
    let database = Database::start(&settings.database);
    let db = database.import_router();
    if !db.read_primary(migrations::is_migrated).await? {
        return Err(ImportError::NotMigrated);
    }
    Ok(Writer::alone(&database, db, &settings.cache))
}

/// Loads batch after batch to the end of the file, the first error, or SIGTERM or SIGINT.
async fn load(
    writer: &Writer,
    batches: &mut mpsc::Receiver<Result<Batch, ImportError>>,
    progress: &Progress,
    results: &mut BatchResults,
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
        let rows = batch.rows.len() as u64;
        let inserted = insert(writer, batch.rows).await?;
        results.rows += rows;
        results.inserted += inserted;
        progress.advance(rows, batch.end);
    }
}

/// What the batches did until now.
#[derive(Default)]
struct BatchResults {
    /// The number of rows that were loaded or were there already.
    rows: u64,
    /// The number of rows that were inserted.
    inserted: u64,
}

/// Inserts the tasks of these rows that are not there yet; their number.
async fn insert(writer: &Writer, rows: Vec<KeyedRow>) -> Result<u64, DbError> {
    let rows: Arc<[KeyedRow]> = rows.into();
    let mut attempt = 1;
    loop {
        let rows = Arc::clone(&rows);
        let insert =
            async move |db: &mut Connection, _| db::import::insert_missing(db, &rows).await;
        match writer.write(None, || false, insert).await {
            Ok(inserted) => return Ok(inserted),
            Err(error) if attempt < ATTEMPTS && db::import::is_lost_race(&error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn lock(rejected: &Mutex<Rejected>) -> MutexGuard<'_, Rejected> {
    rejected.lock().unwrap_or_else(PoisonError::into_inner)
}
