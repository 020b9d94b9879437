//! The role `import`: loads tasks from a file, as often as one likes, without loading any twice.
//!
//! A thread reads rows and hands on batches; each batch is one transaction. All are announced once, when
//! the last one is committed.

mod batches;
mod error;
mod input_file;
mod lines;
mod progress;
mod reader;
mod rejected;

use crate::app::write::{Committed, Writer};
use crate::cache::{self, Cache};
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
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The most attempts at a batch that lost a race against a request.
const ATTEMPTS: u32 = 5;
/// How long the end of an import waits for Redis to get every announcement.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);

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
    let (writer, cache) = connect(settings).await?;

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
    // Even after an error: batches before it were committed.
    let (imported, is_announced) = match inserted {
        Some(inserted) => inserted.announce_and_report().await,
        None => (0, true),
    };
    // Until then, what was announced while Redis was away is not known to other instances.
    let is_connected = timeout(REDIS_TIMEOUT, cache.connected()).await.is_ok();

    let rejected = lock(&rejected);
    let summary = Summary {
        imported,
        skipped: rows - imported,
        rejected: rejected.count(),
        rejected_place: rejected.to_string(),
    };
    println!("{summary}");
    let out_of_reach = match (is_connected, is_announced) {
        (true, true) => None,
        (true, false) => Some("PostgreSQL"),
        (false, _) => Some("Redis"),
    };
    if let Some(server) = out_of_reach {
        let seconds = settings.cache.cache_ttl.as_secs();
        eprintln!(
            "{server} is out of reach, so lists may be up to {seconds} s old (CACHE_TTL_SECONDS)."
        );
    }
    if loaded.is_ok()
        && let Err(error) = rejected.remove_stale_file()
    {
        let path = rejected.path().display();
        eprintln!("{path} is of an earlier import and cannot be removed: {error}.");
    }
    loaded
}

/// The write path of this import, and the cache that it announces to.
async fn connect(settings: &ImportSettings) -> Result<(Writer, Rc<Cache>), ImportError> {
    let database = Database::start(&settings.database);
    let db = Rc::new(database.import_router());
    let ask_position = Box::new(db.ask_position());
    let (is_migrated, _) = db.read(None, migrations::is_migrated).await?;
    if !is_migrated {
        return Err(ImportError::NotMigrated);
    }
    let cache = Cache::start(&settings.cache, cache::bodies(0), ask_position);
    let cache = Rc::new(cache);
    let writer = Writer::new(db, Rc::clone(&cache), Arc::default());
    Ok((writer, cache))
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
        results.add(rows, inserted);
        progress.advance(rows, batch.end);
    }
}

/// What the batches did until now.
#[derive(Default)]
struct BatchResults {
    /// The number of rows that were loaded or were there already.
    rows: u64,
    /// The number of rows that were inserted, to be announced once for all: each announcement outdates
    /// every cached list.
    inserted: Option<Committed<u64>>,
}

impl BatchResults {
    fn add(&mut self, rows: u64, inserted: Committed<u64>) {
        self.rows += rows;
        self.inserted = Some(match self.inserted.take() {
            Some(earlier) => inserted.after(earlier, |earlier, inserted| earlier + inserted),
            None => inserted,
        });
    }
}

/// Inserts the tasks of these rows that are not there yet; their number.
async fn insert(writer: &Writer, rows: Vec<KeyedRow>) -> Result<Committed<u64>, DbError> {
    let rows: Arc<[KeyedRow]> = rows.into();
    let mut attempt = 1;
    loop {
        let rows = Arc::clone(&rows);
        let insert = async move |db: &mut Connection| db::import::insert_missing(db, &rows).await;
        match writer.write(|| false, insert).await {
            Ok(committed) => return Ok(committed),
            Err(error) if attempt < ATTEMPTS && db::import::is_lost_race(&error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn lock(rejected: &Mutex<Rejected>) -> MutexGuard<'_, Rejected> {
    rejected.lock().unwrap_or_else(PoisonError::into_inner)
}
