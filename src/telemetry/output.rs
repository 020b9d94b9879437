//! Standard output for log lines, written by a thread of its own and many lines at a time: a system
//! call for each line costs more than the cached read that it reports, and costs the process at the
//! other end of the pipe (Docker's) more than that.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a line waits for others to be written with.
const DELAY: Duration = Duration::from_millis(100);
/// How many bytes may wait to be written; a thread that logs more waits too, so no line is ever lost.
const LIMIT: usize = 256 * 1024;

/// A buffered writer: what is written to it appears on the real output in the same order, within about
/// 100 ms.
#[derive(Clone)]
pub(super) struct Output(Arc<Shared>);

struct Shared {
    state: Mutex<BufferState>,
    /// Signalled when there are lines where there were none, or a thread waits for them to be written.
    work: Condvar,
    /// Signalled when lines were written.
    written: Condvar,
}

#[derive(Default)]
struct BufferState {
    lines: Vec<u8>,
    /// Whether a thread waits for the lines to be written.
    is_urgent: bool,
    /// Whether lines that were taken from here are still being written.
    is_writing: bool,
}

impl Output {
    /// An output in front of a real one.
    pub(super) fn before(real: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            written: Condvar::new(),
        });
        let output = Self(Arc::clone(&shared));
        thread::spawn(move || shared.write_to(real));
        output
    }

    /// Waits until everything is written.
    pub(super) fn drain(&self) {
        let mut state = self.0.lock();
        while state.is_writing || !state.lines.is_empty() {
            state = self.0.wait(state);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.lines.len() >= LIMIT {
            state = self.0.wait(state);
        }
        if state.lines.is_empty() {
            self.0.work.notify_one();
        }
        state.lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing, because a logger calls it after every line.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BufferState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until lines were written, which need not be all.
    fn wait<'a>(&self, mut state: MutexGuard<'a, BufferState>) -> MutexGuard<'a, BufferState> {
        state.is_urgent = true;
        self.work.notify_one();
        self.written
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut real: impl Write) {
        let mut taken = Vec::new();
        let mut state = self.lock();
        loop {
            state = self
                .work
                .wait_while(state, |state| state.lines.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            (state, _) = self
                .work
                .wait_timeout_while(state, DELAY, |state| !state.is_urgent)
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut state.lines, &mut taken);
            state.is_urgent = false;
            state.is_writing = true;
            drop(state);
            // Where the log's reader is gone, this error could not be logged either.
            _ = real.write_all(&taken).and_then(|()| real.flush());
            taken.clear();
            state = self.lock();
            state.is_writing = false;
            self.written.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A real output that hands on what it gets.
    struct Sent(mpsc::SyncSender<Vec<u8>>);

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn single_line_is_written_without_drain() {
        let (sent, arrived) = mpsc::sync_channel(0);
        let mut output = Output::before(Sent(sent));
        output.write_all(b"a line\n").unwrap();
        let line = arrived.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(line, b"a line\n");
    }

    #[test]
    fn drain_writes_the_lines_of_every_thread_in_order() {
        let (sent, arrived) = mpsc::sync_channel(usize::from(u16::MAX));
        let output = Output::before(Sent(sent));
        thread::scope(|scope| {
            for writer in 0..4 {
                let mut output = output.clone();
                scope.spawn(move || {
                    for number in 0..20_000 {
                        let line = format!("{writer} {number}\n");
                        output.write_all(line.as_bytes()).unwrap();
                    }
                });
            }
        });
        output.drain();
        let written: Vec<u8> = arrived.try_iter().flatten().collect();
        let written = String::from_utf8(written).unwrap();
        for writer in 0..4 {
            let start = format!("{writer} ");
            let numbers = written.lines().filter_map(|line| line.strip_prefix(&start));
            assert!(
                numbers.eq((0..20_000).map(|number| number.to_string())),
                "{writer}"
            );
        }
    }

    #[test]
    fn writer_faster_than_the_reader_waits_and_loses_nothing() {
        let (sent, arrived) = mpsc::sync_channel(0);
        let mut output = Output::before(Sent(sent));
        let writer = thread::spawn(move || {
            let block = vec![b'x'; LIMIT];
            (0..8).for_each(|_| output.write_all(&block).unwrap());
            output.drain();
        });
        let mut bytes = 0;
        while bytes < 8 * LIMIT {
            let block = arrived.recv_timeout(Duration::from_secs(10)).unwrap();
            assert!(block.len() <= 2 * LIMIT);
            bytes += block.len();
        }
        writer.join().unwrap();
    }
}
