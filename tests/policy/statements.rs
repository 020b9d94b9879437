//! The statements of an SQL file, without what comments, texts and quoted names say.

use std::collections::BTreeMap;

/// A statement.
#[derive(Debug, PartialEq)]
pub struct Statement {
    /// The line on which it begins.
    pub line: usize,
    /// Its words in capitals, and its punctuation. A quoted name is as it is written, a text is `''`.
    pub words: Vec<String>,
    /// The comment lines right above it, without their dashes, where it begins a line.
    pub comment: Vec<String>,
    /// What stands between its dollar quotes.
    pub bodies: Vec<String>,
}

/// A file that is being read.
struct StatementReader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> StatementReader<'a> {
    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// Takes all up to the end of this; or the rest, where it never comes.
    fn take_through(&mut self, end: &str) -> &'a str {
        let bytes = self
            .rest
            .find(end)
            .map_or(self.rest.len(), |at| at + end.len());
        self.take(bytes)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let bytes = self.rest.find(|one| !belongs(one));
        self.take(bytes.unwrap_or(self.rest.len()))
    }

    /// Takes a comment in `/* */`, which may hold others.
    fn take_block_comment(&mut self) {
        let mut depth = 0;
        while !self.rest.is_empty() {
            match self.rest {
                rest if rest.starts_with("/*") => depth += 1,
                rest if rest.starts_with("*/") => depth -= 1,
                rest => {
                    self.take(rest.chars().next().unwrap().len_utf8());
                    continue;
                }
            }
            self.take(2);
            if depth == 0 {
                return;
            }
        }
    }

    /// Takes a text or a quoted name. A doubled quote makes two of them, which comes to the same.
    fn take_quoted(&mut self, quote: char, has_escapes: bool) -> &'a str {
        let mut is_escaped = true; // the opening quote
        let is_end = |one: char| {
            let ends = one == quote && !is_escaped;
            is_escaped = has_escapes && one == '\\' && !is_escaped;
            ends
        };
        let end = self.rest.find(is_end).map_or(self.rest.len(), |at| at + 1);
        self.take(end)
    }

    /// `$$` or `$tag$`, where one begins here.
    fn dollar_quote(&self) -> Option<&'a str> {
        let tag = self.rest.strip_prefix('$')?;
        let end = tag.find(|one: char| !one.is_alphanumeric() && one != '_')?;
        let is_tag = tag[end..].starts_with('$') && !tag.starts_with(|one: char| one.is_numeric());
        is_tag.then(|| &self.rest[..end + 2])
    }
}

/// The lines of comments that end right above a line, of these by their line.
fn comment_above(comments: &BTreeMap<usize, &str>, line: usize) -> Vec<String> {
    let above = (1..line).rev();
    let mut comment: Vec<_> = above
        .map_while(|line| comments.get(&line).map(|text| text.trim().to_owned()))
        .collect();
    comment.reverse();
    comment
}

/// The statements of an SQL file.
pub fn statements(sql: &str) -> Vec<Statement> {
    let mut reader = StatementReader { rest: sql, line: 1 };
    let mut comments = BTreeMap::new();
    let (mut all, mut current) = (Vec::new(), None::<Statement>);
    while let Some(first) = reader.rest.chars().next() {
        let before = sql[..sql.len() - reader.rest.len()].rsplit('\n').next();
        let is_first = before.is_none_or(|before| before.trim().is_empty());
        if reader.rest.starts_with("--") {
            let line = reader.line;
            let comment = reader.take_through("\n");
            if is_first {
                comments.insert(line, comment.trim_start_matches('-'));
            }
            continue;
        }
        if reader.rest.starts_with("/*") {
            reader.take_block_comment();
            continue;
        }
        if first.is_whitespace() {
            reader.take(first.len_utf8());
            continue;
        }
        if first == ';' {
            reader.take(1);
            all.extend(current.take());
            continue;
        }
        let statement = current.get_or_insert_with(|| Statement {
            line: reader.line,
            words: Vec::new(),
            comment: match is_first {
                true => comment_above(&comments, reader.line),
                false => Vec::new(),
            },
            bodies: Vec::new(),
        });
        let word = if let Some(quote) = reader.dollar_quote() {
            reader.take(quote.len());
            let body = reader.take_through(quote);
            let body = body.strip_suffix(quote).unwrap_or(body);
            statement.bodies.push(body.to_owned());
            "''".to_owned()
        } else if first == '\'' {
            let has_escapes = statement.words.last().is_some_and(|word| word == "E");
            reader.take_quoted('\'', has_escapes);
            "''".to_owned()
        } else if first == '"' {
            reader.take_quoted('"', false).to_owned()
        } else if first.is_alphanumeric() || first == '_' {
            let word = reader.take_while(|one| one.is_alphanumeric() || "_$".contains(one));
            word.to_uppercase()
        } else {
            reader.take(first.len_utf8()).to_owned()
        };
        statement.words.push(word);
    }
    all.extend(current);
    all
}

#[test]
fn semicolon_in_a_string_name_or_comment_does_not_end_the_statement() {
    let sql = r#"
-- not; this
CREATE TABLE "a;""b" (x text DEFAULT 'it''s; so', /* nor; /* this */; */ y text); -- nor this;
SELECT E'\'; DROP TABLE a', $1, $$ ; $x$ $$, $x$ ; $$ ; $x$;
-- why
-- so
drop table t
"#;
    let statements = statements(sql);
    let words = |number: usize| statements[number].words.join(" ");
    assert_eq!(statements.len(), 3, "{statements:#?}");
    assert_eq!(
        words(0),
        "CREATE TABLE \"a;\" \"b\" ( X TEXT DEFAULT '' '' , Y TEXT )"
    );
    assert_eq!(words(1), "SELECT E '' , $ 1 , '' , ''");
    assert_eq!(statements[1].bodies, [" ; $x$ ", " ; $$ ; "]);
    assert_eq!(words(2), "DROP TABLE T");
    assert_eq!(statements[2].line, 7);
    assert_eq!(statements[2].comment, ["why", "so"]);
}
