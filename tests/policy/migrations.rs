//! Migrations only expand: what the version before has to live with while instances are replaced one
//! by one says in a comment right above the statement why that is harmless: `-- contract: WHY`.

use super::statements::{Statement, statements};
use std::collections::BTreeSet;
use std::path::Path;

/// The first migration that was written under this rule.
const FIRST: u32 = 5;
/// How a statement says why it is harmless.
const REASON: &str = "contract:";

/// Whether these words stand in a row.
fn has(words: &[String], row: &[&str]) -> bool {
    words.windows(row.len()).any(|window| window == row)
}

/// The name that follows in a statement.
fn name(words: &[String]) -> Option<&str> {
    let mut words = words.iter().map(String::as_str);
    words.find(|word| !["IF", "NOT", "EXISTS", "ONLY"].contains(word))
}

/// What a statement takes away from the version before; `new` are the tables that its file creates,
/// which that version does not know.
fn contracts(words: &[String], bodies: &[String], new: &BTreeSet<&str>) -> Option<&'static str> {
    match words.first()?.as_str() {
        "DROP" => Some("it drops something"),
        "TRUNCATE" => Some("it empties a table"),
        "ALTER" => alter_contracts(words, new),
        "CREATE" if has(words, &["CREATE", "UNIQUE", "INDEX"]) => {
            let on = words.iter().position(|word| word == "ON")?;
            (!new.contains(name(&words[on + 1..])?)).then_some("it forbids what was allowed")
        }
        // This runs at once, unlike the body of a function. A statement in it may begin anywhere,
        // after BEGIN or THEN.
        "DO" => bodies
            .iter()
            .flat_map(|body| statements(body))
            .find_map(|inner| {
                let begins = ["ALTER", "CREATE", "DROP", "TRUNCATE"];
                (0..inner.words.len())
                    .map(|start| &inner.words[start..])
                    .filter(|words| begins.contains(&words[0].as_str()))
                    .find_map(|words| contracts(words, &[], new))
            }),
        _ => None,
    }
}

fn alter_contracts(words: &[String], new: &BTreeSet<&str>) -> Option<&'static str> {
    // Dropping NOT NULL too: the version before may not be able to read a null.
    if has(words, &["DROP"]) {
        return Some("it drops something");
    }
    if has(words, &["RENAME"]) {
        return Some("it renames something");
    }
    if has(words, &["SET", "NOT", "NULL"]) {
        return Some("it forbids nulls");
    }
    let changes_type = (1..words.len()).any(|at| {
        let mut rest = words[at..].iter().map(String::as_str).peekable();
        let alters = rest.next_if(|word| ["ALTER", "ATTRIBUTE"].contains(word));
        rest.next_if_eq(&"COLUMN");
        let _name = rest.next();
        rest.next_if_eq(&"SET");
        rest.next_if_eq(&"DATA");
        alters.is_some() && rest.next() == Some("TYPE")
    });
    if changes_type {
        return Some("it changes a type");
    }
    let is_new = words[1] == "TABLE" && name(&words[2..]).is_some_and(|name| new.contains(name));
    actions(words).into_iter().find_map(|action| {
        let rest = action.strip_prefix(&["ADD"])?;
        let constraints = [
            "CONSTRAINT",
            "CHECK",
            "UNIQUE",
            "PRIMARY",
            "FOREIGN",
            "EXCLUDE",
        ];
        if constraints.contains(rest.first()?) {
            return (!is_new).then_some("it forbids what was allowed");
        }
        let rest = rest.strip_prefix(&["COLUMN"]).unwrap_or(rest);
        let rest = rest.strip_prefix(&["IF", "NOT", "EXISTS"]).unwrap_or(rest);
        let has = |row: &[&str]| rest.windows(row.len()).any(|window| window == row);
        let is_required = has(&["NOT", "NULL"]) || has(&["PRIMARY", "KEY"]);
        let is_filled = has(&["DEFAULT"]) || has(&["GENERATED"]);
        (is_required && !is_filled && !is_new)
            .then_some("it adds a column that has to be filled in")
    })
}

/// The actions of an ALTER TABLE, which commas separate, without what stands in parentheses.
fn actions(words: &[String]) -> Vec<Vec<&str>> {
    let mut depth = 0;
    let mut actions = vec![Vec::new()];
    // From the first ADD on: before it stands the table.
    let start = words.iter().position(|word| word == "ADD");
    for word in &words[start.unwrap_or(words.len())..] {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => actions.push(Vec::new()),
            word if depth == 0 => actions.last_mut().unwrap().push(word),
            _ => {}
        }
    }
    actions
}

/// What in a migration takes something away without saying why that is harmless.
fn unexplained(sql: &str) -> Vec<String> {
    let statements = statements(sql);
    let new = statements.iter().filter_map(|statement| {
        let words = &statement.words;
        let rest = words.strip_prefix(&["CREATE".to_owned(), "TABLE".to_owned()])?;
        let name = rest
            .iter()
            .find(|word| !["IF", "NOT", "EXISTS"].contains(&word.as_str()));
        name.map(String::as_str)
    });
    let new = new.collect();
    let is_explained = |statement: &Statement| {
        let mut reasons = statement
            .comment
            .iter()
            .filter_map(|line| line.strip_prefix(REASON));
        reasons.any(|reason| !reason.trim().is_empty())
    };
    let found = statements
        .iter()
        .filter(|statement| !is_explained(statement));
    found
        .filter_map(|statement| {
            let why = contracts(&statement.words, &statement.bodies, &new)?;
            let line = statement.line;
            Some(format!(
                "line {line}: {why}; write `-- {REASON} WHY` right above it"
            ))
        })
        .collect()
}

#[test]
fn migrations_only_expand_or_say_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let number = name.split('_').next().unwrap().parse::<u32>();
        let number = number.unwrap_or_else(|_| panic!("{name} has no number"));
        seen += 1;
        if number >= FIRST {
            let found = unexplained(&std::fs::read_to_string(&path).unwrap());
            assert!(found.is_empty(), "migrations/{name}: {found:#?}");
        }
    }
    assert!(seen >= 4, "{seen} migrations");
}

const CONTRACTING: [&str; 24] = [
    "DROP TABLE tasks",
    "drop index tasks_title_trgm",
    "DROP TRIGGER count_inserted ON users",
    "TRUNCATE row_counts",
    "ALTER TABLE tasks DROP COLUMN title",
    "ALTER TABLE tasks DROP title",
    "ALTER TABLE tasks DROP CONSTRAINT tasks_user_id_fkey",
    "ALTER TABLE tasks ALTER COLUMN title DROP DEFAULT",
    "ALTER TABLE tasks ALTER title TYPE varchar(10)",
    "ALTER TABLE tasks ALTER COLUMN title SET DATA TYPE varchar(10)",
    "alter table tasks\n  alter column \"title\"\n  type varchar(10)",
    "ALTER TYPE pair ALTER ATTRIBUTE a TYPE text",
    "ALTER TABLE tasks RENAME COLUMN title TO name",
    "ALTER INDEX tasks_title_trgm RENAME TO other",
    "ALTER TABLE tasks ALTER COLUMN user_id SET NOT NULL",
    "ALTER TABLE tasks ADD COLUMN rank bigint NOT NULL",
    "ALTER TABLE tasks ADD rank bigint NOT NULL",
    "ALTER TABLE tasks ADD COLUMN a text DEFAULT '', ADD COLUMN IF NOT EXISTS b text NOT NULL",
    "ALTER TABLE tasks ADD COLUMN rank bigint CHECK (rank IS DISTINCT FROM DEFAULT) NOT NULL",
    "ALTER TABLE tasks ADD CONSTRAINT short CHECK (char_length(title) < 10)",
    "ALTER TABLE tasks ADD UNIQUE (title)",
    "CREATE UNIQUE INDEX tasks_title ON tasks (title)",
    "DO $$ BEGIN DROP TABLE tasks; END $$",
    "DO $body$ BEGIN IF true THEN ALTER TABLE tasks DROP COLUMN title; END IF; END $body$",
];

const EXPANDING: [&str; 13] = [
    "CREATE TABLE labels (id bigint PRIMARY KEY, name text NOT NULL UNIQUE)",
    "CREATE TABLE new (a text); CREATE UNIQUE INDEX new_a ON new (a); ALTER TABLE new ADD UNIQUE (a)",
    "CREATE INDEX tasks_a ON tasks (a)",
    "CREATE TRIGGER t AFTER TRUNCATE ON tasks FOR EACH STATEMENT EXECUTE FUNCTION f()",
    "ALTER TABLE tasks ADD COLUMN rank bigint",
    "ALTER TABLE tasks ADD COLUMN IF NOT EXISTS rank bigint",
    "ALTER TABLE tasks ADD COLUMN rank bigint CHECK (rank IS NOT NULL)",
    "ALTER TABLE tasks ADD COLUMN rank bigint NOT NULL DEFAULT 0",
    "ALTER TABLE tasks ADD COLUMN rank bigint GENERATED ALWAYS AS IDENTITY NOT NULL",
    "ALTER TABLE tasks ADD COLUMN type text, ADD COLUMN \"drop\" text",
    "ALTER TYPE mood ADD VALUE 'DROP'",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE tasks; END $$",
    "INSERT INTO notes VALUES ('a; DROP TABLE tasks; b') /* ; TRUNCATE tasks; */",
];

#[test]
fn contracting_statement_is_refused_without_a_reason_right_above_it() {
    for statement in CONTRACTING {
        let unexplained = |sql: String| unexplained(&sql).len();
        assert_eq!(unexplained(format!("{statement};")), 1, "{statement}");
        let explained = format!("-- contract: nothing has read it since 1.2\n{statement};");
        assert_eq!(unexplained(explained), 0, "{statement}");
        let longer = format!("-- contract: nothing reads it,\n-- since 1.2.\n{statement};");
        assert_eq!(unexplained(longer), 0, "{statement}");
        for not_above in [
            format!("-- contract:\n{statement};"),
            format!("-- contract: far away\n\n{statement};"),
            format!("-- contract: another's\nSELECT 1; {statement};"),
            format!("-- contract: another's\nSELECT 1;\n{statement};"),
            format!("SELECT '\n-- contract: a text' AS a;\n{statement};"),
            format!("{statement}; -- contract: too late"),
        ] {
            assert_eq!(unexplained(not_above.clone()), 1, "{not_above}");
        }
    }
}

#[test]
fn expanding_statement_needs_no_reason() {
    for statement in EXPANDING {
        let found = unexplained(&format!("{statement};"));
        assert!(found.is_empty(), "{statement}: {found:?}");
    }
}

#[test]
fn table_is_new_only_in_the_migration_that_creates_it() {
    let add = "ADD FOREIGN KEY (a) REFERENCES";
    let new = "CREATE TABLE new (a bigint PRIMARY KEY);";
    let found = |sql: String| unexplained(&sql).len();
    assert_eq!(found(format!("{new} ALTER TABLE new {add} tasks;")), 0);
    assert_eq!(found(format!("{new} ALTER TABLE tasks {add} new;")), 1);
}
