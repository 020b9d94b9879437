//! Rejected rows: a file beside the input file or, where it cannot be written, standard error.

use super::input_file;
use super::progress::Progress;
use super::reader::RejectedRow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The rejected rows of an import.
pub(super) struct Rejected {
    path: PathBuf,
    is_stdin: bool,
    target: Target,
    count: u64,
}

enum Target {
    /// No row was rejected yet, so no file was opened.
    Unopened,
    File(File),
    /// The file cannot be written, for this reason; `None` where the rows come from standard input and
    /// the file could not be created: an import from a pipe was given no file to name in a message.
    StandardError(Option<io::Error>),
}

impl Rejected {
    /// The rejected rows of an import of this file, none so far.
    pub(super) fn of(file: &Path) -> Self {
        let is_stdin = input_file::is_stdin(file);
        let mut path = match is_stdin {
            true => "stdin".into(),
            false => file.as_os_str().to_owned(),
        };
        path.push(".rejected.ndjson");
        Self {
            path: path.into(),
            is_stdin,
            target: Target::Unopened,
            count: 0,
        }
    }

    /// The number of rejected rows so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Writes a rejected row at once, so that it is there however the import ends.
    pub(super) fn add(&mut self, row: &RejectedRow, progress: &Progress) {
        self.count += 1;
        // Nothing in a row has keys that are no strings or anything else that is not JSON.
        let line = serde_json::to_string(row).unwrap_or_else(|error| error.to_string()) + "\n";
        if matches!(self.target, Target::Unopened) {
            self.target = match create(&self.path) {
                Ok(file) => Target::File(file),
                Err(_) if self.is_stdin => Target::StandardError(None),
                Err(error) => Target::StandardError(Some(error)),
            };
        }
        if let Target::File(file) = &mut self.target
            && let Err(error) = file.write_all(line.as_bytes())
        {
            self.target = Target::StandardError(Some(error));
        }
        if let Target::StandardError(_) = self.target {
            progress.print(line.trim_end());
        }
    }

    /// Removes the file of an earlier import, where this one has rejected no row. To be called at the
    /// end of the input. An error where there is such a file and it cannot be removed.
    pub(super) fn remove_stale_file(&self) -> io::Result<()> {
        match self.target {
            Target::Unopened => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The path of the file of rejected rows.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens the file empty, unless another import is writing it.
fn create(path: &Path) -> io::Result<File> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    file.try_lock()
        .map_err(|_| io::Error::other("another import is writing it"))?;
    file.set_len(0)?;
    Ok(file)
}

impl fmt::Display for Rejected {
    /// The place of the rejected rows, for the end of a sentence; empty where there are none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.target {
            Target::Unopened => Ok(()),
            Target::File(_) => write!(formatter, " (see {path})"),
            Target::StandardError(None) => write!(formatter, " (see standard error)"),
            Target::StandardError(Some(reason)) => write!(
                formatter,
                " (see standard error, because {path} cannot be written: {reason})"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::import::reader::Original;

    /// The place that is told for a rejected row whose file cannot be created.
    fn place(of: &str) -> String {
        let mut rejected = Rejected::of(Path::new(of));
        rejected.path = Path::new("/dev/null").join(rejected.path);
        let row = RejectedRow {
            line: 1,
            errors: Vec::new(),
            row: Original::Text("x".to_owned()),
        };
        rejected.add(&row, &Progress::start(None));
        rejected.to_string()
    }

    #[test]
    fn unwritable_rejected_file_is_named_for_a_file_and_not_for_standard_input() {
        assert_eq!(place("-"), " (see standard error)");
        let named =
            " (see standard error, because /dev/null/rows.rejected.ndjson cannot be written: ";
        assert!(place("rows").starts_with(named), "{}", place("rows"));
    }
}
