//! The thread that reads, because reading blocks, and gathers rows into batches.

use super::error::ImportError;
use super::reader::{Reader, RejectedRow};
use crate::domain::import_row::KeyedRow;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many rows are loaded at once.
const BATCH_ROWS: usize = 1000;
/// How many batches are read ahead while one is loaded.
const AHEAD: usize = 2;

/// Rows to be loaded together.
pub struct Batch {
    /// The rows.
    pub rows: Vec<KeyedRow>,
    /// How many bytes of the file had been read when the last of them was.
    pub end: u64,
}

/// Begins to read, and yields batches until the file ends or cannot be read any further. Each row
/// that cannot be loaded goes to `refuse`.
///
/// The thread is one of its own, not one of the runtime's, because the program does not wait for
/// it at its end: it may be waiting for standard input.
pub fn read(
    reader: Reader,
    name: String,
    position: Arc<AtomicU64>,
    refuse: impl FnMut(RejectedRow) + Send + 'static,
) -> io::Result<Receiver<Result<Batch, ImportError>>> {
    let (sender, receiver) = channel(AHEAD);
    thread::Builder::new()
        .name("import".to_owned())
        .spawn(move || {
            let mut gathering = Gathering {
                reader,
                position,
                refuse,
                seen: HashMap::new(),
            };
            gathering.run(&name, &sender);
        })?;
    Ok(receiver)
}

struct Gathering<F> {
    reader: Reader,
    position: Arc<AtomicU64>,
    refuse: F,
    /// How often each row was there, by half of its hash, to spare memory.
    seen: HashMap<[u8; 16], u64>,
}

impl<F: FnMut(RejectedRow)> Gathering<F> {
    /// Hands on batches until the file ends, cannot be read, or nobody wants any more.
    fn run(&mut self, name: &str, sender: &Sender<Result<Batch, ImportError>>) {
        loop {
            let mut rows = Vec::with_capacity(BATCH_ROWS);
            let read = self.gather(&mut rows);
            let end = self.position.load(Ordering::Relaxed);
            if !rows.is_empty() && sender.blocking_send(Ok(Batch { rows, end })).is_err() {
                return;
            }
            match read {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let line = self.reader.next_number();
                    let error = ImportError::Unreadable(name.to_owned(), line, error);
                    // Nobody is there to hear it only where something else has failed before.
                    _ = sender.blocking_send(Err(error));
                    return;
                }
            }
        }
    }

    /// Reads rows until a batch is full or, which is `false`, the file ends.
    fn gather(&mut self, rows: &mut Vec<KeyedRow>) -> io::Result<bool> {
        while rows.len() < BATCH_ROWS {
            match self.reader.next_row()? {
                None => return Ok(false),
                Some(Err(row)) => (self.refuse)(row),
                Some(Ok(row)) => {
                    let hash = row.content_hash();
                    let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
                    let before = self.seen.entry(*half).or_default();
                    rows.push(KeyedRow::new(row, hash, *before));
                    *before += 1;
                }
            }
        }
        Ok(true)
    }
}
