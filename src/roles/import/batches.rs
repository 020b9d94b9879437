//! The thread that reads a file, because reading blocks, and makes batches of its rows.

use super::error::ImportError;
use super::reader::{RejectedRow, RowReader};
use crate::domain::import_row::KeyedRow;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The number of rows in a batch, which is one transaction.
const BATCH_ROWS: usize = 1000;
/// The most batches that are read ahead while one is loaded.
const AHEAD: usize = 2;

/// Rows that are loaded in one transaction.
pub(super) struct Batch {
    /// The rows, in the order of the file.
    pub rows: Vec<KeyedRow>,
    /// The number of bytes of the file that had been read after the last row.
    pub end: u64,
}

/// Starts the thread that reads, and returns the receiver of its batches, which ends with the file or
/// with an error where it cannot be read any further. Each rejected row goes to `reject`. An error
/// where the thread cannot be started.
///
/// The thread is one of its own, not one of the runtime's, because the program does not wait for
/// it at its end: it may be waiting for standard input.
pub(super) fn read(
    reader: RowReader,
    name: String,
    position: Arc<AtomicU64>,
    reject: impl FnMut(RejectedRow) + Send + 'static,
) -> io::Result<Receiver<Result<Batch, ImportError>>> {
    let (sender, receiver) = channel(AHEAD);
    thread::Builder::new()
        .name("import".to_owned())
        .spawn(move || {
            let mut batcher = RowBatcher {
                reader,
                position,
                reject,
                seen: HashMap::new(),
            };
            batcher.run(&name, &sender);
        })?;
    Ok(receiver)
}

struct RowBatcher<F> {
    reader: RowReader,
    position: Arc<AtomicU64>,
    reject: F,
    /// The number of equal rows so far, by the first half of their hash, to spare memory.
    seen: HashMap<[u8; 16], u64>,
}

impl<F: FnMut(RejectedRow)> RowBatcher<F> {
    /// Sends batches until the file ends, cannot be read, or the import has dropped the receiver.
    fn run(&mut self, name: &str, sender: &Sender<Result<Batch, ImportError>>) {
        loop {
            let mut rows = Vec::with_capacity(BATCH_ROWS);
            let read = self.fill(&mut rows);
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
                    // The receiver is dropped only where the import has failed with another error.
                    _ = sender.blocking_send(Err(error));
                    return;
                }
            }
        }
    }

    /// Reads rows until a batch is full or, which is `false`, the file ends.
    fn fill(&mut self, rows: &mut Vec<KeyedRow>) -> io::Result<bool> {
        while rows.len() < BATCH_ROWS {
            match self.reader.next_row()? {
                None => return Ok(false),
                Some(Err(row)) => (self.reject)(row),
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
