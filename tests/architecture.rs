//! Who may import whom, and what every file looks like (DESIGN: api → cache → db, all in the words
//! of the domain).
#![expect(
    clippy::unwrap_used,
    reason = "tests may end the run where a program must not"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files below a directory of this repository.
fn files(directory: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The code of a file: without comments and texts, in which anything may stand, and up to its tests.
fn code(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines = source.lines().map(|line| line.split("//").next().unwrap());
    let without_comments = lines.collect::<Vec<_>>().join("\n");
    without_comments.split('"').step_by(2).collect()
}

/// Whether code names a crate or a module, such as `sqlx` in `sqlx::Row` or `crate::db`; a field or
/// variable of the same name is none.
fn names(code: &str, path: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_:.".contains(character);
    code.match_indices(path).any(|(start, _)| {
        let (before, after) = (&code[..start], &code[start + path.len()..]);
        let is_imported = before.ends_with("use ") && after.starts_with([';', ' ']);
        let is_module = path.contains("::") && !after.starts_with(is_part);
        !before.ends_with(is_part) && (after.starts_with("::") || is_imported || is_module)
    })
}

/// Checks that no file below `directory` names any of these.
fn assert_avoids(directory: &str, forbidden: &[&str]) {
    let files = files(directory);
    assert!(files.len() > 1, "{directory} has no files");
    for file in files {
        let code = code(&file);
        assert!(
            !code.contains("crate::{"),
            "{}: one module a line, please",
            file.display()
        );
        for path in forbidden {
            assert!(
                !names(&code, path),
                "{} must not name {path}",
                file.display()
            );
        }
    }
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    assert!(names("use sqlx::Row;", "sqlx"));
    assert!(names("fn f(db: &sqlx::PgPool)", "sqlx"));
    assert!(names("use crate::db::{self};", "crate::db"));
    assert!(!names("use my_sqlx::Row;", "sqlx"));
    assert!(names("use sqlx;", "sqlx"));
    assert!(names("use crate::db;", "crate::db"));
    assert!(names("crate::db::tasks::get()", "crate::db"));
    assert!(!names("use crate::dbx;", "crate::db"));
    assert!(!names("let sqlx_like = sqlx; a.sqlx::<T>()", "sqlx"));
    let of = |file: &str| code(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    assert!(names(&of("src/db/tasks.rs"), "sqlx"));
    assert!(names(&of("src/cache/link.rs"), "redis"));
    assert!(names(&of("src/api/tasks.rs"), "actix_web"));
    assert!(!names(&of("src/api/body.rs"), "CONTENT_LENGTH"));
}

#[test]
fn the_api_speaks_no_sql_and_no_redis() {
    assert_avoids("src/api", &["sqlx", "redis", "crate::config"]);
}

#[test]
fn the_database_speaks_no_http_and_no_redis() {
    let above = [
        "crate::api",
        "crate::cache",
        "crate::error",
        "crate::middleware",
        "crate::state",
    ];
    assert_avoids("src/db", &["actix_web", "actix_http", "redis", "utoipa"]);
    assert_avoids("src/db", &above);
}

#[test]
fn the_cache_speaks_no_sql_and_no_http() {
    let above = [
        "crate::api",
        "crate::db",
        "crate::error",
        "crate::middleware",
        "crate::state",
    ];
    assert_avoids("src/cache", &["sqlx", "actix_web", "actix_http", "utoipa"]);
    assert_avoids("src/cache", &above);
}

#[test]
fn the_domain_does_no_input_or_output() {
    let crates = ["sqlx", "redis", "actix_web", "tokio", "reqwest", "log"];
    assert_avoids("src/domain", &crates);
    let others = ["std::fs", "std::io", "std::net", "std::env", "std::process"];
    assert_avoids("src/domain", &others);
    let above = [
        "crate::api",
        "crate::db",
        "crate::cache",
        "crate::error",
        "crate::config",
        "crate::state",
        "crate::middleware",
    ];
    assert_avoids("src/domain", &above);
}

#[test]
fn only_the_database_speaks_sql() {
    // The settings hold where it is, the state holds the pool, the import a connection of its own.
    let allowed = [
        "src/db/",
        "src/config.rs",
        "src/config/",
        "src/state.rs",
        "src/import/mod.rs",
    ];
    for file in files("src") {
        let name = file
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .to_str()
            .unwrap();
        if !allowed.iter().any(|allowed| name.starts_with(allowed)) {
            assert!(!names(&code(&file), "sqlx"), "{name} must not name sqlx");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_on_a_few_screens() {
    for directory in ["src", "tests", "benches", "examples"] {
        if !Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(directory)
            .is_dir()
        {
            continue;
        }
        for file in files(directory) {
            let source = fs::read_to_string(&file).unwrap();
            let name = file.display();
            assert!(
                source.starts_with("//! "),
                "{name} does not begin with what it is for"
            );
            let lines = source.lines().count();
            assert!(lines <= 400, "{name} has {lines} lines, more than 400");
        }
    }
}
