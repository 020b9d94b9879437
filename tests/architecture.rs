//! Which folder may import which, that no files import each other in a circle, and what every file
//! looks like.
#![expect(
    clippy::unwrap_used,
    reason = "tests may end the run where a program must not"
)]

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
            "cache",
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
            "middleware",
            "routes",
            "shutdown",
        ],
    ),
    ("routes", &["api", "openapi"]),
    ("openapi", &["api", "domain"]),
    ("middleware", &["api", "app"]),
    ("api", &["app", "auth", "cache", "db", "domain"]),
    ("app", &["auth", "cache", "config", "db", "domain"]),
    ("auth", &["domain"]),
    ("cache", &["backoff", "config", "domain"]),
    ("db", &["backoff", "config", "domain"]),
    ("telemetry", &["config"]),
    ("config", &[]),
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
            "shutdown",
            "openapi",
        ],
    ),
    ("std::net", &["startup", "api", "config"]),
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

/// The code of a file: without comments and texts, in which anything may stand, and up to its tests.
fn code(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines = source.lines().map(|line| line.split("//").next().unwrap());
    let without_comments = lines.collect::<Vec<_>>().join("\n");
    without_comments.split('"').step_by(2).collect()
}

/// Whether code names a crate or a module of the standard library, such as `sqlx` in `sqlx::Row`; a
/// field or variable of the same name is none.
fn names(code: &str, path: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_:.".contains(character);
    code.match_indices(path).any(|(start, _)| {
        let (before, after) = (&code[..start], &code[start + path.len()..]);
        let is_imported = before.ends_with("use ") && after.starts_with([';', ' ']);
        !before.ends_with(is_part) && (after.starts_with("::") || is_imported)
    })
}

/// The paths that code names below `crate::`, `taskfleet::` and, in the module `module`, `super::`,
/// each as the names of its modules. (An import of several in braces counts as each of them.)
fn imports(code: &str, module: &str) -> BTreeSet<Vec<String>> {
    let mut imports = BTreeSet::new();
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let bases = [
        ("crate::", ""),
        ("taskfleet::", ""),
        ("super::", parent),
        // What a folder's own file takes from the files of the folder.
        ("use ", module),
    ];
    for (prefix, base) in bases {
        for (start, _) in code.match_indices(prefix) {
            let is_part = |character: char| character.is_alphanumeric() || "_:".contains(character);
            if code[..start].ends_with(is_part) {
                continue;
            }
            for path in paths(&code[start + prefix.len()..]) {
                let all = base.split("::").chain(path.split("::"));
                let all = all.filter(|part| !part.is_empty()).map(str::to_owned);
                imports.insert(all.collect());
            }
        }
    }
    imports
}

/// The paths at the beginning of some code: one, or each of those in braces.
fn paths(code: &str) -> Vec<String> {
    let is_part = |character: char| character.is_alphanumeric() || "_:".contains(character);
    let length = code
        .find(|character| !is_part(character))
        .unwrap_or(code.len());
    let (path, rest) = code.split_at(length);
    if !rest.starts_with('{') || !(path.is_empty() || path.ends_with("::")) {
        return vec![path.to_owned()];
    }
    let inner = rest[1..].split('}').next().unwrap().split(',');
    inner
        .map(|name| format!("{path}{}", name.trim().split(' ').next().unwrap()))
        .collect()
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
    assert!(names("use sqlx::Row;", "sqlx"));
    assert!(names("fn f(db: &sqlx::PgPool)", "sqlx"));
    assert!(names("use sqlx;", "sqlx"));
    assert!(!names("use my_sqlx::Row;", "sqlx"));
    assert!(!names("let sqlx_like = sqlx; a.sqlx::<T>()", "sqlx"));
    let found = |code: &str| imports(code, "cache::entry");
    let path = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    assert!(found("use crate::db;").contains(&path("db")));
    assert!(found("use crate::{api, db::tasks};").contains(&path("db::tasks")));
    assert!(found("crate::db::tasks::get()").contains(&path("db::tasks::get")));
    assert!(found("use super::key::{Key};").contains(&path("cache::key::Key")));
    assert!(found("use super::{key, entry};").contains(&path("cache::key")));
    let of = |file: &str| code(&root().join(file));
    assert!(names(&of("src/db/tasks.rs"), "sqlx"));
    assert!(names(&of("src/cache/connection.rs"), "redis"));
    assert!(names(&of("src/api/tasks.rs"), "actix_web"));
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
        for import in imports(&code(&file), &module) {
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
                parts.contains(&part) || !names(&code(&file), name),
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
    let modules: BTreeMap<String, String> = sources
        .iter()
        .map(|file| (module(file), code(file)))
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
    for (module, code) in &modules {
        for import in imports(code, module) {
            if let Some(target) = target(&import).filter(|target| target != module) {
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
