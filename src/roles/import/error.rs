//! Why a file was not loaded.

use crate::db::DbError;
use std::io;

/// Why a file was not loaded, or not to its end. What was loaded before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such file.
    #[error("There is no file {0}.")]
    Missing(String),
    /// The path is a directory.
    #[error("{0} is a directory, not a file.")]
    Directory(String),
    /// The file is called something.gz, but is not gzip.
    #[error("{0} is not gzip-compressed, as its name says.")]
    NotGzip(String),
    /// The header of a CSV file has an unknown or repeated column, or lacks one.
    #[error("The header of {0} {1}.")]
    Header(String, String),
    /// The file cannot be read from this line on.
    #[error("{0} cannot be read from line {1} on: {2}.")]
    Unreadable(String, u64, #[source] io::Error),
    /// The database lacks migrations of this version.
    #[error("The database lacks migrations; run `taskfleet migrate` first.")]
    NotMigrated,
    /// A transaction failed.
    #[error("The import failed: {0}.")]
    Database(#[from] DbError),
    /// SIGTERM or SIGINT stopped the import.
    #[error("The import was stopped; run it again to load the rest.")]
    Stopped,
    /// The operating system refused a thread or a signal handler.
    #[error("The import cannot be started: {0}.")]
    System(#[source] io::Error),
}
