//! How far an import has come: a bar on a terminal, plain lines elsewhere.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// After how many rows a plain line is written.
const PLAIN_EVERY: u64 = 5_000;
const BAR: &str = "{bar:40} {percent:>3} %  {msg}  {eta} left";
const SPINNER: &str = "{spinner} {msg}  {elapsed}";

/// Shows how far an import has come, on standard error.
#[derive(Clone)]
pub struct Progress {
    /// Draws nothing where standard error is no terminal.
    bar: ProgressBar,
    is_terminal: bool,
    /// How many rows were loaded.
    rows: Arc<AtomicU64>,
}

impl Progress {
    /// Nothing done yet, of so many bytes, if it is known how many.
    pub fn start(bytes: Option<u64>) -> Self {
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

    /// So many more rows were loaded, up to this byte of the file.
    pub fn advance(&self, rows: u64, byte: u64) {
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

    /// Writes a line without spoiling the bar.
    pub fn print(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
