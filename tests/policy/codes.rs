//! docs/API.md has every code of a problem with the statuses that it comes with, and no others: those of
//! the API (src/api/error.rs) and those of NGINX (nginx/nginx.conf).

use actix_web::http::StatusCode;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A code with a status that it comes with. The status is `other` where it is NGINX's default.
type Row = (String, String);

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands between two texts, the first of which is there once.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    assert_eq!(text.matches(start).count(), 1, "{start:?}");
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// The rows of a table in Markdown whose first column is a code and whose second has its statuses,
/// separated by commas.
fn documented(markdown: &str) -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    // The heading, the line below it, and then the rows.
    let table = between(markdown, "\n| code | status |", "\n\n");
    for line in table.lines().skip(2) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let code = cells[1].trim_matches('`');
        for status in cells[2].split(',') {
            let row = (code.to_owned(), status.trim().to_owned());
            assert!(rows.insert(row), "{code} is there twice");
        }
    }
    rows
}

/// The status that a path such as `StatusCode::NOT_FOUND` or `client_closed_request()` means.
fn status(path: &str) -> String {
    if path == "client_closed_request()" {
        return "499".to_owned();
    }
    let name = path.strip_prefix("StatusCode::").unwrap();
    let statuses = (100..600).filter_map(|number| StatusCode::from_u16(number).ok());
    let mut named = statuses.filter(|status| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_uppercase().replace([' ', '-'], "_") == name
    });
    let status = named.next();
    status
        .unwrap_or_else(|| panic!("{path}"))
        .as_str()
        .to_owned()
}

/// The rows of `ApiError::row`: `… => (STATUS, "code"),`.
fn rows_of_the_api(source: &str) -> BTreeSet<Row> {
    let body = between(source, "fn row(&self)", "\n    }\n");
    let rows: Vec<Row> = body
        .split("=> (")
        .skip(1)
        .map(|row| {
            let (path, rest) = row.split_once(',').unwrap();
            let code = rest.split('"').nth(1).unwrap();
            (code.to_owned(), status(path.trim()))
        })
        .collect();
    assert_eq!(rows.len(), body.matches('"').count() / 2, "{body}");
    rows.into_iter().collect()
}

/// The rows of the map `$problem_code`: `STATUS code;`.
fn rows_of_nginx(configuration: &str) -> BTreeSet<Row> {
    let map = between(configuration, "map $status $problem_code {", "}");
    let lines = map
        .lines()
        .map(|line| line.split('#').next().unwrap().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (status, code) = line.trim_end_matches(';').split_once(' ').unwrap();
            let status = if status == "default" { "other" } else { status };
            (code.trim().to_owned(), status.to_owned())
        })
        .collect()
}

#[test]
fn the_table_of_problem_codes_has_all_of_the_api_and_of_nginx_and_no_others() {
    let mut all = rows_of_the_api(&read("src/api/error.rs"));
    all.append(&mut rows_of_nginx(&read("nginx/nginx.conf")));
    let documented = documented(&read("docs/API.md"));
    let missing: Vec<_> = all.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&all).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "docs/API.md lacks {missing:?} and has {invented:?}, which nothing answers with"
    );
}
