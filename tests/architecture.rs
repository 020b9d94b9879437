//! Which folder may import which, that no files import each other in a circle, and what every file
//! looks like.
#![expect(
    clippy::unwrap_used,
    reason = "tests may end the run where a program must not"
)]

#[path = "architecture/paths.rs"]
mod paths;

use paths::{Paths, names};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each folder, or file beside the folders, of `src/` may import, beside itself. From top to
/// bottom: nothing imports what stands above it. What is not listed here fails.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["config", "roles", "telemetry"]),
    (
        "roles",
        &[
            "app",
            "config",
            "db",
            "domain",
            "openapi",
            "shutdown",
            "startup",
            "telemetry",
        ],
    ),
    (
        "startup",
        &[
            "api",
            "app",
            "auth",
            "cache",
            "config",
            "db",
            "listener",
            "middleware",
            "routes",
            "shutdown",
        ],
    ),
    ("routes", &["api", "openapi"]),
    ("openapi", &["api", "domain"]),
    ("middleware", &["api", "app"]),
    ("api", &["app", "auth", "cache", "db", "domain"]),
    (
        "app",
        &["auth", "backoff", "cache", "config", "db", "domain"],
    ),
    ("auth", &["domain"]),
    ("cache", &["backoff", "config", "domain"]),
    ("db", &["backoff", "config", "domain"]),
    ("telemetry", &["config"]),
    ("config", &[]),
    ("listener", &[]),
    ("shutdown", &[]),
    ("backoff", &[]),
    ("domain", &[]),
];

/// Which parts may name a crate, or a module of the standard library, that only some need.
const MAY_USE: &[(&str, &[&str])] = &[
    (
        "actix_web",
        &["main", "startup", "routes", "openapi", "middleware", "api"],
    ),
    ("sqlx", &["db", "config"]),
    ("redis", &["cache", "config"]),
    ("utoipa", &["openapi", "api", "domain"]),
    ("reqwest", &["roles", "config"]),
    ("argon2", &["auth"]),
    (
        "tokio",
        &[
            "startup", "roles", "app", "auth", "cache", "db", "api", "shutdown",
        ],
    ),
    (
        "log",
        &[
            "app",
            "roles",
            "startup",
            "middleware",
            "api",
            "cache",
            "db",
            "config",
            "telemetry",
        ],
    ),
    ("std::fs", &["roles"]),
    (
        "std::io",
        &[
            "roles",
            "startup",
            "api",
            "app",
            "db",
            "telemetry",
            "listener",
            "shutdown",
            "openapi",
        ],
    ),
    ("std::net", &["startup", "listener", "api", "config"]),
    ("socket2", &["listener"]),
    ("std::env", &["main", "telemetry"]),
    ("std::process", &["main", "roles", "api", "telemetry"]),
];

/// The Rust files below a directory of this repository.
fn files(directory: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut remaining = vec![root().join(directory)];
    while let Some(directory) = remaining.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                remaining.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The module that a file of `src/` is, such as `cache::entry`.
fn module(file: &Path) -> String {
    let path = file.strip_prefix(root().join("src")).unwrap();
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap());
    let parts: Vec<_> = parts.filter(|part| *part != "mod").collect();
    parts.join("::")
}

/// The paths that a file of `src/` names outside its tests.
fn paths(file: &Path) -> BTreeSet<Vec<String>> {
    Paths::of(&fs::read_to_string(file).unwrap(), &module(file))
}

fn parts() -> BTreeSet<String> {
    let all = files("src").into_iter().map(|file| module(&file));
    let all = all.map(|module| module.split("::").next().unwrap().to_owned());
    all.filter(|part| part != "lib").collect()
}

fn allowed<'a>(table: &[(&str, &[&'a str])], part: &str) -> Option<Vec<&'a str>> {
    let row = table.iter().find(|(name, _)| *name == part)?;
    Some(row.1.to_vec())
}

#[test]
fn scan_finds_imports_and_crates() {
    let found = |source: &str| Paths::of(source, "cache::entry");
    for (source, name) in [
        ("use sqlx::Row;", "sqlx"),
        ("use sqlx;", "sqlx"),
        ("fn f(db: &sqlx::PgPool) {}", "sqlx"),
        (
            r#"fn f() { g("http://x"); let quote = '"'; sqlx::query!("x"); }"#,
            "sqlx",
        ),
        (r#"fn f() { info!("{}", a, sqlx::VERSION) }"#, "sqlx"),
        ("use std::{io, fs::{self, File}};", "std::fs"),
    ] {
        assert!(names(&found(source), name), "{name} in {source}");
    }
    for source in [
        "use my_sqlx::Row;",
        "fn f() { let sqlx_like = a.sqlx; }",
        "#[cfg(test)] mod tests { use sqlx::Row; }",
    ] {
        assert!(!names(&found(source), "sqlx"), "{source}");
    }
    for (source, import) in [
        ("use crate::db;", "db"),
        ("use crate::{api, db::tasks};", "db::tasks"),
        (
            "use crate::{api::{crud, error}, db::{self, tasks}};",
            "db::tasks",
        ),
        ("fn f() { crate::db::tasks::get() }", "db::tasks::get"),
        (
            "fn f() { info!(a, crate::db::tasks::get()) }",
            "db::tasks::get",
        ),
        ("use super::key::{Key};", "cache::key::Key"),
        ("use super::{key, entry};", "cache::key"),
        ("use super::super::db::tasks;", "db::tasks"),
        ("use self::inner::x;", "cache::entry::inner::x"),
        ("fn f() { inner::x() }", "cache::entry::inner::x"),
    ] {
        let path: Vec<_> = import.split("::").map(str::to_owned).collect();
        let found = found(source);
        assert!(found.contains(&path), "{import} in {source}: {found:?}");
    }
}

#[test]
fn every_folder_is_listed_and_every_listed_folder_exists() {
    let listed: BTreeSet<_> = MAY_IMPORT
        .iter()
        .map(|(part, _)| (*part).to_owned())
        .collect();
    assert_eq!(parts(), listed);
    for (at, (part, below)) in MAY_IMPORT.iter().enumerate() {
        for name in *below {
            let place = MAY_IMPORT
                .iter()
                .position(|(part, _)| part == name)
                .unwrap();
            assert!(
                place > at,
                "{part} may not import {name}, which stands above it"
            );
        }
    }
}

#[test]
fn imports_go_downwards_only() {
    let parts = parts();
    let mut used = BTreeSet::new();
    for file in files("src") {
        let module = module(&file);
        let part = module.split("::").next().unwrap();
        // The map of the modules.
        let Some(below) = allowed(MAY_IMPORT, part) else {
            assert_eq!(part, "lib");
            continue;
        };
        for import in paths(&file) {
            let Some(name) = import.first().filter(|name| parts.contains(*name)) else {
                continue;
            };
            used.insert((part.to_owned(), name.clone()));
            assert!(
                name == part || below.contains(&&**name),
                "{} must not import {}",
                file.display(),
                import.join("::")
            );
        }
    }
    for (part, below) in MAY_IMPORT {
        for name in *below {
            let row = ((*part).to_owned(), (*name).to_owned());
            assert!(
                used.contains(&row),
                "{part} does not import {name} any more"
            );
        }
    }
}

#[test]
fn crates_are_used_where_they_belong() {
    for (name, parts) in MAY_USE {
        for file in files("src") {
            let module = module(&file);
            let part = module.split("::").next().unwrap();
            assert!(
                parts.contains(&part) || !names(&paths(&file), name),
                "{} must not use {name}",
                file.display()
            );
        }
    }
}

/// A file that takes from its folder's `mod.rs` what that passes on from the other files counts as one
/// that imports those.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = files("src");
    let modules: BTreeMap<String, BTreeSet<Vec<String>>> = sources
        .iter()
        .map(|file| (module(file), paths(file)))
        .collect();
    // The longest module that an import begins with is the file that it is in.
    let target = |import: &[String]| {
        let lengths = (1..=import.len()).rev();
        let prefixes = lengths.map(|length| import[..length].join("::"));
        prefixes
            .into_iter()
            .find(|prefix| modules.contains_key(prefix))
    };
    let mut edges: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (module, imports) in &modules {
        for import in imports {
            if let Some(target) = target(import).filter(|target| target != module) {
                edges.entry(module).or_default().insert(target);
            }
        }
    }
    for start in edges.keys() {
        let mut seen = BTreeSet::new();
        let mut remaining: Vec<String> = edges[start].iter().cloned().collect();
        while let Some(next) = remaining.pop() {
            assert_ne!(next, **start, "{start} imports itself by way of {seen:?}");
            if seen.insert(next.clone()) {
                remaining.extend(edges.get(&*next).into_iter().flatten().cloned());
            }
        }
    }
}

#[test]
fn every_file_begins_with_its_purpose_and_has_at_most_400_lines() {
    for directory in ["src", "tests", "loadtest"] {
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

/// One style of modules: a folder's own file is `mod.rs` in it.
#[test]
fn no_file_stands_beside_a_folder_of_its_name() {
    for file in files("src") {
        assert!(!file.with_extension("").is_dir(), "{}", file.display());
    }
}
