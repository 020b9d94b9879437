//! The input file: opened, decompressed where it is gzip, and its format detected.

use super::error::ImportError;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The file name that stands for standard input.
const STDIN: &str = "-";
/// The most white space, in bytes, that is skipped in search of the byte that tells the format.
const MAX_SPACE: usize = 64 * 1024;
const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The format of the rows of an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values under a header that names them.
    Csv,
}

/// An input file that is open for reading.
pub(super) struct InputFile {
    /// The decompressed text, without a byte order mark.
    pub text: Box<dyn BufRead + Send>,
    /// The format of the rows.
    pub format: Format,
    /// The size of the file in bytes, before decompression; `None` where it is not known.
    pub size: Option<u64>,
    /// The number of bytes that have been read of it, before decompression.
    pub position: Arc<AtomicU64>,
}

impl InputFile {
    /// Opens a file, or standard input for `-`, and reads as much of it as tells its format. An error
    /// where it cannot be read, or is called something.gz and is not gzip.
    pub(super) fn open(file: &Path) -> Result<Self, ImportError> {
        if is_stdin(file) {
            return Self::of(io::stdin(), file, None);
        }
        let name = name(file);
        let metadata = fs::metadata(file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ImportError::Missing(name.clone()),
            _ => ImportError::Unreadable(name.clone(), 1, error),
        })?;
        if metadata.is_dir() {
            return Err(ImportError::Directory(name));
        }
        let input =
            File::open(file).map_err(|error| ImportError::Unreadable(name.clone(), 1, error))?;
        Self::of(input, file, metadata.is_file().then_some(metadata.len()))
    }

    /// An input file of this name and size (in bytes, `None` where not known) with the bytes of
    /// `input`.
    pub(super) fn of(
        input: impl Read + Send + 'static,
        file: &Path,
        size: Option<u64>,
    ) -> Result<Self, ImportError> {
        let unreadable = |error| ImportError::Unreadable(name(file), 1, error);
        let position = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            input,
            count: Arc::clone(&position),
        };
        let mut counted = BufReader::with_capacity(BUFFER, counted);
        let mut start = Vec::new();
        let magic = GZIP_MAGIC.len() as u64;
        (&mut counted)
            .take(magic)
            .read_to_end(&mut start)
            .map_err(unreadable)?;
        let is_gzip = start == GZIP_MAGIC;
        let whole = Cursor::new(start).chain(counted);

        let lower = file.to_string_lossy().to_lowercase();
        let plain_name = lower.strip_suffix(".gz");
        if plain_name.is_some() && !is_gzip {
            return Err(ImportError::NotGzip(name(file)));
        }
        let text: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        let (text, first) = after_space(text).map_err(unreadable)?;
        let plain_name = plain_name.unwrap_or(&lower);
        let named = |endings: &[&str]| endings.iter().any(|end| plain_name.ends_with(end));
        let format = if named(&[".csv"]) {
            Format::Csv
        } else if named(&[".ndjson", ".jsonl", ".json"]) {
            Format::Ndjson
        } else {
            match first {
                None | Some(b'{' | b'[') => Format::Ndjson,
                Some(_) => Format::Csv,
            }
        };
        Ok(Self {
            text,
            format,
            size,
            position,
        })
    }
}

/// Whether this file name stands for standard input.
pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new(STDIN)
}

/// The name of a file in messages.
pub(super) fn name(file: &Path) -> String {
    if is_stdin(file) {
        "Standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

/// The same text without a byte order mark, and its first byte that is no space.
fn after_space(
    mut text: Box<dyn BufRead + Send>,
) -> io::Result<(Box<dyn BufRead + Send>, Option<u8>)> {
    let mut start = Vec::new();
    let first = loop {
        let mut byte = [0];
        if start.len() == MAX_SPACE || text.read(&mut byte)? == 0 {
            break None;
        }
        start.extend(byte);
        if start == BYTE_ORDER_MARK {
            start.clear();
        }
        let [byte] = byte;
        if !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.starts_with(&start) {
            break Some(byte);
        }
    };
    Ok((Box::new(Cursor::new(start).chain(text)), first))
}

/// Counts the bytes that are read through it.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn open(file: &str, bytes: impl Into<Vec<u8>>) -> Result<(Format, String), ImportError> {
        let bytes: Vec<u8> = bytes.into();
        let size = bytes.len() as u64;
        let mut source = InputFile::of(Cursor::new(bytes), Path::new(file), Some(size))?;
        let mut text = String::new();
        source.text.read_to_string(&mut text).unwrap();
        assert_eq!(source.position.load(Ordering::Relaxed), size);
        Ok((source.format, text))
    }

    #[test]
    fn gzip_is_detected_by_its_content() {
        let members = [gzip(b"{}\n"), gzip(b"{}\n")].concat();
        for (file, bytes) in [
            ("-", gzip(b"{}\n{}\n")),
            ("rows", members),
            ("rows.gz", gzip(b"{}\n{}\n")),
            ("rows", b"{}\n{}\n".to_vec()),
        ] {
            let (format, text) = open(file, bytes).unwrap();
            assert_eq!((format, &*text), (Format::Ndjson, "{}\n{}\n"), "{file}");
        }
    }

    #[test]
    fn file_named_gz_that_is_not_gzip_is_an_error() {
        for bytes in ["", "\x1f", "{}\n"] {
            let error = open("rows.ndjson.gz", bytes).unwrap_err();
            assert!(
                error.to_string().starts_with("rows.ndjson.gz is not gzip"),
                "{error}"
            );
        }
    }

    #[test]
    fn format_is_detected_by_the_name_or_the_first_byte() {
        for (file, text, format) in [
            ("-", " \n {}", Format::Ndjson),
            ("-", "title,userName\n", Format::Csv),
            ("-", "", Format::Ndjson),
            ("rows", "\n\"title\"", Format::Csv),
            ("rows.CSV", "{}", Format::Csv),
            ("rows.ndjson", "garbage", Format::Ndjson),
            ("rows.jsonl", "garbage", Format::Ndjson),
        ] {
            assert_eq!(
                open(file, text).unwrap(),
                (format, text.to_owned()),
                "{file}"
            );
        }
    }

    #[test]
    fn byte_order_mark_is_skipped() {
        for text in ["title\n", "{}", "\u{e9}", ""] {
            assert_eq!(open("-", format!("\u{feff}{text}")).unwrap().1, text);
        }
        assert_eq!(open("-", "\u{e9}").unwrap().1, "\u{e9}");
    }
}
