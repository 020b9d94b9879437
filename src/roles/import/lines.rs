//! The lines of a file, and the records of a CSV file, which may span several, in bounded memory.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// The longest row that is read, in bytes. The longest that is valid has less than a fiftieth.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// The number of bytes that are kept of a longer row.
const KEPT_BYTES: usize = 1024;

/// A row as it stands in the input file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawRow {
    /// The number of the row's first line, counted from 1.
    pub line: u64,
    /// The bytes of the row, without the end of its last line.
    pub bytes: Vec<u8>,
    /// Why the row cannot be read; `None` where it can.
    pub fault: Option<Fault>,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The row is longer than [`MAX_BYTES`], and only its beginning was kept.
    TooLong,
    /// A quote is opened that is not closed before the file ends or the row is too long. Only the
    /// first line is taken for the row; the next row begins with the next line.
    UnclosedQuote,
}

/// A file, line by line.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    /// Lines that were read in search of the end of a record.
    ahead: VecDeque<RawRow>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a text.
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            number: 0,
            ahead: VecDeque::new(),
        }
    }

    /// The number of the line at which the next row begins.
    pub(super) fn next_number(&self) -> u64 {
        self.ahead.front().map_or(self.number + 1, |line| line.line)
    }

    /// The next line that is not blank.
    pub(super) fn next_line(&mut self) -> io::Result<Option<RawRow>> {
        while let Some(line) = self.read()? {
            if !is_blank(&line) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next CSV record: lines up to the first at whose end no quote is open.
    pub(super) fn next_record(&mut self) -> io::Result<Option<RawRow>> {
        let mut state = Quoting::FieldStart;
        let mut bytes = 0;
        let mut count = 0;
        loop {
            let line = match self.ahead.get(count) {
                Some(line) => line,
                None => match self.read()? {
                    Some(line) if self.ahead.is_empty() && is_blank(&line) => continue,
                    Some(line) => {
                        self.ahead.push_back(line);
                        continue;
                    }
                    None => return Ok(self.unclosed()),
                },
            };
            if count == 0 && (is_blank(line) || line.fault.is_some()) {
                let line = self.ahead.pop_front();
                match line {
                    Some(line) if !is_blank(&line) => return Ok(Some(line)),
                    _ => continue,
                }
            }
            count += 1;
            bytes += line.bytes.len();
            state = line.bytes.iter().fold(state, Quoting::after);
            if state != Quoting::Quoted {
                return Ok(self.joined(count));
            }
            state = Quoting::after(state, &b'\n');
            if bytes > MAX_BYTES || line.fault.is_some() {
                return Ok(self.unclosed());
            }
        }
    }

    /// The first of the lines that were read ahead, as a record of its own.
    fn unclosed(&mut self) -> Option<RawRow> {
        let mut line = self.ahead.pop_front()?;
        line.fault = line.fault.or(Some(Fault::UnclosedQuote));
        Some(line)
    }

    /// So many of the lines that were read ahead, as one record.
    fn joined(&mut self, count: usize) -> Option<RawRow> {
        let mut lines = self.ahead.drain(..count);
        let mut record = lines.next()?;
        for line in lines {
            record.bytes.push(b'\n');
            record.bytes.extend(line.bytes);
        }
        Some(record)
    }

    fn read(&mut self) -> io::Result<Option<RawRow>> {
        let mut bytes = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut fault = None;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() > MAX_BYTES {
            self.input.skip_until(b'\n')?;
            bytes.truncate(KEPT_BYTES);
            fault = Some(Fault::TooLong);
        }
        self.number += 1;
        Ok(Some(RawRow {
            line: self.number,
            bytes,
            fault,
        }))
    }
}

fn is_blank(line: &RawRow) -> bool {
    line.fault.is_none() && line.bytes.trim_ascii().is_empty()
}

/// Where in a CSV record a byte stands, as the csv crate sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote in a quoted field, which ends the field unless another one follows.
    AfterQuote,
}

impl Quoting {
    fn after(self, byte: &u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::AfterQuote,
            (Self::Quoted, _) | (Self::FieldStart | Self::AfterQuote, b'"') => Self::Quoted,
            (_, b',') => Self::FieldStart,
            _ => Self::Unquoted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    type Rows = Vec<(u64, String, Option<Fault>)>;

    type Next = fn(&mut Lines<Cursor<Vec<u8>>>) -> io::Result<Option<RawRow>>;

    fn all(text: &str, next: Next) -> Rows {
        let mut lines = Lines::new(Cursor::new(text.as_bytes().to_vec()));
        let rows = std::iter::from_fn(|| next(&mut lines).unwrap());
        rows.map(|row| {
            let text = String::from_utf8(row.bytes).unwrap();
            (row.line, text, row.fault)
        })
        .collect()
    }

    fn lines(text: &str) -> Rows {
        all(text, Lines::next_line)
    }

    fn records(text: &str) -> Rows {
        all(text, Lines::next_record)
    }

    fn row(line: u64, text: &str) -> (u64, String, Option<Fault>) {
        (line, text.to_owned(), None)
    }

    #[test]
    fn blank_lines_count_but_are_no_rows() {
        let expected = [row(2, "a\r"), row(4, "b")];
        assert_eq!(lines("\na\r\n \t\r\nb"), expected);
        assert_eq!(records("\na\r\n \t\r\nb"), expected);
        assert_eq!((lines(""), records("\n\n")), (vec![], vec![]));
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let longest = "x".repeat(MAX_BYTES);
        let text = format!("{longest}\n{longest}yyy\nnext\n{longest}y");
        let expected = [
            row(1, &longest),
            (2, longest[..KEPT_BYTES].to_owned(), Some(Fault::TooLong)),
            row(3, "next"),
            (4, longest[..KEPT_BYTES].to_owned(), Some(Fault::TooLong)),
        ];
        // Not by assert_eq, which would print megabytes.
        assert!(lines(&text) == expected);
        assert!(records(&text) == expected);
    }

    #[test]
    fn a_record_goes_on_while_a_quote_is_open() {
        let text = "a,\"b\n\nc\"\"\n,\",d\n\"e\"\ng\"h\n\"i\"j\"\nk\n";
        let expected = [
            row(1, "a,\"b\n\nc\"\"\n,\",d"),
            row(5, "\"e\""),
            row(6, "g\"h"),
            row(7, "\"i\"j\""),
            row(8, "k"),
        ];
        assert_eq!(records(text), expected);
    }

    #[test]
    fn unclosed_quote_rejects_one_line() {
        let expected = [
            row(1, "a,b"),
            (2, "c,\"d".to_owned(), Some(Fault::UnclosedQuote)),
            row(4, "e,f"),
            row(5, "g,h"),
        ];
        assert_eq!(records("a,b\nc,\"d\n\ne,f\ng,h\n"), expected);
    }

    #[test]
    fn the_search_for_a_closing_quote_is_bounded() {
        let many = "e,f\n".repeat(MAX_BYTES / 3);
        let records = records(&format!("c,\"d\n{many}\"\n"));
        assert_eq!(
            records[0],
            (1, "c,\"d".to_owned(), Some(Fault::UnclosedQuote))
        );
        assert_eq!(records[1], row(2, "e,f"));
        assert_eq!(records.len(), MAX_BYTES / 3 + 2);
    }

    #[test]
    fn a_line_that_is_too_long_ends_the_search_for_a_closing_quote() {
        let text = format!("c,\"d\n{}\ne,f\n", "x".repeat(MAX_BYTES + 1));
        let found = records(&text);
        let faults: Vec<_> = found
            .iter()
            .map(|(line, _, fault)| (*line, *fault))
            .collect();
        let expected = [
            (1, Some(Fault::UnclosedQuote)),
            (2, Some(Fault::TooLong)),
            (3, None),
        ];
        assert_eq!(faults, expected);
    }
}
