//! The rows of a file, each valid, or rejected with all its errors.

use super::error::ImportError;
use super::input_file::{Format, InputFile};
use super::lines::{Fault, Lines, MAX_BYTES, RawRow};
use crate::domain::fields::{FieldError, Fields, Input};
use crate::domain::import_row::ImportRow;
use csv::{ReaderBuilder, StringRecord, Terminator};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::{self, BufRead};

/// The path of an error that is not about one field.
const WHOLE_ROW: &str = "row";

/// A row that was rejected, as it stands in the file of rejected rows.
#[derive(Debug, Serialize)]
pub(super) struct RejectedRow {
    /// The number of the row's first line, counted from 1.
    pub line: u64,
    /// Every error in the row.
    pub errors: Vec<FieldError>,
    /// The row as it stood in the input file.
    pub row: Original,
}

/// The text of a row in the input file.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Original {
    /// The JSON object of an NDJSON row, unchanged.
    Json(Box<RawValue>),
    /// A CSV row, or an NDJSON row that is no JSON object.
    Text(String),
}

/// Reads the rows of a file.
pub(super) struct RowReader {
    lines: Lines<Box<dyn BufRead + Send>>,
    format: Format,
    /// The names of the columns, for CSV.
    header: Vec<String>,
}

impl RowReader {
    /// A reader of the rows of this file, after the header of a CSV file. An error where the header
    /// cannot be read or lacks a field.
    pub(super) fn new(source: InputFile, name: &str) -> Result<Self, ImportError> {
        let mut lines = Lines::new(source.text);
        let header = match source.format {
            Format::Ndjson => Vec::new(),
            Format::Csv => {
                let row = lines
                    .next_record()
                    .map_err(|error| ImportError::Unreadable(name.to_owned(), 1, error))?;
                let header = row.map_or(Ok(Vec::new()), |row| read_header(&row));
                header.map_err(|reason| ImportError::Header(name.to_owned(), reason))?
            }
        };
        Ok(Self {
            lines,
            format: source.format,
            header,
        })
    }

    /// The number of the line at which the next row begins.
    pub(super) fn next_number(&self) -> u64 {
        self.lines.next_number()
    }

    /// The next row, valid or rejected; `None` at the end of the file. An error where the file cannot
    /// be read any further.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Result<ImportRow, RejectedRow>>> {
        let raw = match self.format {
            Format::Ndjson => self.lines.next_line()?,
            Format::Csv => self.lines.next_record()?,
        };
        Ok(raw.map(|raw| {
            self.read(&raw).map_err(|errors| RejectedRow {
                line: raw.line,
                errors,
                row: original(&raw.bytes, self.format),
            })
        }))
    }

    fn read(&self, raw: &RawRow) -> Result<ImportRow, Vec<FieldError>> {
        let text = text(raw)?;
        ImportRow::read(match self.format {
            Format::Ndjson => read_json(text)?,
            Format::Csv => read_csv(text, &self.header)?,
        })
    }
}

fn fault(reason: impl Into<String>) -> Vec<FieldError> {
    vec![FieldError::new(WHOLE_ROW, reason)]
}

fn text(raw: &RawRow) -> Result<&str, Vec<FieldError>> {
    match raw.fault {
        Some(Fault::TooLong) => {
            return Err(fault(format!(
                "must be at most {MAX_BYTES} bytes long; only its beginning is kept here"
            )));
        }
        Some(Fault::UnclosedQuote) => return Err(fault("opens a quote that is never closed")),
        None => {}
    }
    std::str::from_utf8(&raw.bytes).map_err(|error| {
        let place = error.valid_up_to();
        fault(format!("is not UTF-8 from byte {place} on"))
    })
}

fn read_json(text: &str) -> Result<Fields, Vec<FieldError>> {
    serde_json::from_str(text).map_err(|error| {
        // Each row is read by itself, so that the line in the message is always the first.
        let reason = error.to_string();
        let reason = reason.replace(" at line 1 column ", " at column ");
        fault(format!("cannot be read as JSON: {reason}"))
    })
}

fn read_csv(text: &str, header: &[String]) -> Result<Fields, Vec<FieldError>> {
    let record = columns(text).map_err(fault)?;
    if record.len() != header.len() {
        return Err(fault(format!(
            "has {} columns, but the header has {}",
            record.len(),
            header.len()
        )));
    }
    let fields = header.iter().zip(&record);
    let fields = fields.map(|(name, value)| (name.clone(), Value::String(value.to_owned())));
    Ok(Fields::new(fields.collect()))
}

/// The columns of one record.
fn columns(text: &str) -> Result<StringRecord, String> {
    let mut record = StringRecord::new();
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // The record has been found already: no other end of line in it is to end it.
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(text.len().clamp(1, 64 * 1024))
        .from_reader(text.strip_suffix('\r').unwrap_or(text).as_bytes())
        .read_record(&mut record)
        .map_err(|error| format!("cannot be read as CSV: {error}"))?;
    Ok(record)
}

/// The names of the columns, if they are those of the fields of a row.
fn read_header(raw: &RawRow) -> Result<Vec<String>, String> {
    let reason = |errors: Vec<FieldError>| {
        let reasons: Vec<_> = errors.into_iter().map(|error| error.message).collect();
        reasons.join("; ")
    };
    let record = columns(text(raw).map_err(reason)?)?;
    let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    let fields = ImportRow::FIELDS;
    for (place, name) in names.iter().enumerate() {
        if !fields.iter().any(|(field, _)| field == name) {
            let known: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
            return Err(format!(
                "names {name:?}, which is not a field of a task; the fields are {}",
                known.join(", ")
            ));
        }
        if names.iter().take(place).any(|before| before == name) {
            return Err(format!("names {name} twice"));
        }
    }
    let missing: Vec<_> = fields
        .iter()
        .filter(|(field, required)| *required && !names.iter().any(|name| name == field))
        .map(|(field, _)| *field)
        .collect();
    if missing.is_empty() {
        Ok(names)
    } else {
        Err(format!("lacks {}", missing.join(", ")))
    }
}

/// The row as it is written down: JSON stays JSON, everything else becomes text.
fn original(bytes: &[u8], format: Format) -> Original {
    let json = match format {
        Format::Ndjson => serde_json::from_slice::<Box<RawValue>>(bytes).ok(),
        Format::Csv => None,
    };
    match json.filter(|json| json.get().starts_with('{')) {
        Some(json) => Original::Json(json),
        None => Original::Text(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Cursor;
    use std::path::Path;

    const HEADER: &str = "createdAt,title,description,status,category,userName,userEmail\n";

    fn reader(file: &str, text: impl Into<Vec<u8>>) -> Result<RowReader, ImportError> {
        let source = InputFile::of(Cursor::new(text.into()), Path::new(file), None)?;
        RowReader::new(source, file)
    }

    fn rows(file: &str, text: impl Into<Vec<u8>>) -> Vec<Result<ImportRow, RejectedRow>> {
        let mut reader = reader(file, text).unwrap();
        std::iter::from_fn(|| reader.next_row().unwrap()).collect()
    }

    /// The only row, as it is written down when it is rejected.
    fn rejected(file: &str, text: impl Into<Vec<u8>>) -> Value {
        let mut rows = rows(file, text);
        assert_eq!(rows.len(), 1);
        serde_json::to_value(rows.remove(0).unwrap_err()).unwrap()
    }

    fn header_error(header: &str) -> String {
        reader("rows.csv", header).err().unwrap().to_string()
    }

    fn good() -> Value {
        json!({
            "title": "Say \"hello, world\"", "description": "in two\nlines", "status": "completed",
            "category": "Talk", "userName": "Ada", "userEmail": "ada@example.com",
            "createdAt": "2026-05-17T09:30:00Z"
        })
    }

    #[test]
    fn csv_row_equals_the_same_json_row() {
        let csv = format!(
            "{HEADER}2026-05-17T11:30:00+02:00,\"Say \"\"hello, world\"\"\",\"in two\nlines\",completed,\
             Talk,Ada,ada@example.com\r\n"
        );
        let from_csv = rows("-", csv).remove(0).unwrap();
        let from_json = rows("-", good().to_string()).remove(0).unwrap();
        assert_eq!(from_csv, from_json);
        assert_eq!(from_csv.content_hash(), from_json.content_hash());
    }

    #[test]
    fn optional_csv_columns_may_be_left_out() {
        let csv = "userName,userEmail,createdAt,title\nAda,a@b.co,2026-05-17T09:30:00Z,t\n";
        let row = rows("rows.csv", csv).remove(0).unwrap();
        assert_eq!((row.category, row.description), (None, None));
    }

    #[test]
    fn csv_header_with_missing_repeated_or_unknown_column_is_an_error() {
        for (header, reason) in [
            (
                "title,userName,createdAt",
                "The header of rows.csv lacks userEmail.",
            ),
            (
                "title,userName,createdAt,userEmail,title",
                "The header of rows.csv names title twice.",
            ),
            (
                "title;userName",
                "The header of rows.csv names \"title;userName\", which is not a field of a task; \
                 the fields are title, description, status, category, userName, userEmail, \
                 createdAt.",
            ),
        ] {
            assert_eq!(header_error(header), reason);
        }
    }

    #[test]
    fn a_file_without_rows_has_none() {
        for text in ["", "\n \n", HEADER] {
            assert!(rows("-", text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn rejected_row_keeps_its_text() {
        let mut row = good();
        row["title"] = json!("");
        let text = format!("{row}\n");
        let rejected_row = rejected("-", text);
        assert_eq!(rejected_row["row"], row);
        let errors = json!([{"path": "title", "message": "must be 1 to 200 characters long"}]);
        assert_eq!(rejected_row["errors"], errors);

        let csv = format!("{HEADER}\n,\"a\n,b\",,,,Ada,ada@example.com\r\n");
        let rejected_row = rejected("rows.csv", csv);
        assert_eq!(rejected_row["line"], 3);
        assert_eq!(rejected_row["row"], ",\"a\n,b\",,,,Ada,ada@example.com");
    }

    #[test]
    fn line_that_is_no_row_is_rejected_with_its_reason() {
        let deep = "[".repeat(100_000);
        let mut not_utf8 = good().to_string().into_bytes();
        not_utf8[12] = 0xff;
        for (text, reason) in [
            (
                b"garbage".to_vec(),
                "cannot be read as JSON: expected value at column 1",
            ),
            (
                b"{\"title\":".to_vec(),
                "cannot be read as JSON: EOF while parsing a value at column 9",
            ),
            (
                b"[1]".to_vec(),
                "cannot be read as JSON: invalid type: sequence, expected a JSON object at column 0",
            ),
            (
                b"{\"a\":1,\"a\":2}".to_vec(),
                "cannot be read as JSON: the field \"a\" is there twice at column 10",
            ),
            (
                deep.into_bytes(),
                "cannot be read as JSON: invalid type: sequence, expected a JSON object at column 0",
            ),
            (not_utf8, "is not UTF-8 from byte 12 on"),
        ] {
            let rejected = rejected("rows.ndjson", text);
            assert_eq!(
                rejected["errors"],
                json!([{"path": "row", "message": reason}])
            );
        }
    }

    #[test]
    fn csv_row_with_a_column_too_many_or_too_few_is_rejected() {
        for (row, columns) in [("a,b", 2), ("1,2,3,4,5,6,7,8", 8)] {
            let rejected = rejected("-", format!("{HEADER}{row}\n"));
            let reason = format!("has {columns} columns, but the header has 7");
            assert_eq!(rejected["errors"][0]["message"], reason);
            assert_eq!(rejected["row"], row);
        }
    }

    #[test]
    fn rows_after_a_rejected_one_are_read() {
        let text = format!("garbage\n{}\n", good());
        let rows = rows("rows.ndjson", text);
        assert!(matches!(&*rows, [Err(_), Ok(_)]), "{rows:?}");
    }
}
