//! The progress of an import: a bar on a terminal, plain lines elsewhere.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of rows between two plain lines.
const PLAIN_EVERY: u64 = 5_000;
const BAR: &str = "{bar:40} {percent:>3} %  {msg}  {eta} left";
const SPINNER: &str = "{spinner} {msg}  {elapsed}";

/// The progress display on standard error.
#[derive(Clone)]
pub(super) struct Progress {
    /// Draws nothing where standard error is no terminal.
    bar: ProgressBar,
    is_terminal: bool,
    /// The number of rows that were loaded.
    rows: Arc<AtomicU64>,
}

impl Progress {
    /// A display of no progress yet, of an input file of this size in bytes; `None` where it is not
    /// known.
    pub(super) fn start(bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            is_terminal: std::io::stderr().is_terminal(),
            rows: Arc::default(),
        }
    }

    /// Counts this many more rows, up to this byte of the input file.
    pub(super) fn advance(&self, rows: u64, byte: u64) {
        let before = self.rows.fetch_add(rows, Ordering::Relaxed);
        let now = before + rows;
        self.bar.set_message(format!("{} rows", HumanCount(now)));
        self.bar.set_position(byte);
        if !self.is_terminal && before / PLAIN_EVERY != now / PLAIN_EVERY {
            let share = self.bar.length().filter(|all| *all > 0);
            let share = share.map_or_else(String::new, |all| format!(", {} %", byte * 100 / all));
            self.print(&format!("{} rows so far{share}", HumanCount(now)));
        }
    }

    /// Prints a line above the bar.
    pub(super) fn print(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
