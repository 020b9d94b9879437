//! Rows that an import rejects: each is written down with its errors, and the others are loaded.

use super::{Folder, ndjson, row, row_with, rows, total};
use crate::helpers::TestApp;
use serde_json::json;

#[actix_web::test]
async fn rejected_row_is_written_with_its_line_and_all_errors() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let bad = row_with(
        "",
        json!({"status": "done", "userEmail": "ada", "priority": 1}),
    );
    let nul = row_with("a\0b", json!({}));
    folder.write(
        "rows",
        format!("\n{}\n{bad}\n\n{nul}\n{}\n", row("1"), row("2")),
    );
    let ended = folder.import(&app, "rows").await;
    assert_eq!(ended.counts(), [2, 0, 2]);
    assert_eq!(
        ended.stdout,
        "Imported 2 tasks, skipped 0 that were there already, rejected 2 \
         (see rows.rejected.ndjson).\n"
    );
    let mut rejected = folder.rejected("rows.rejected.ndjson");
    rejected[0]["errors"]
        .as_array_mut()
        .unwrap()
        .sort_by_key(|error| error["path"].to_string());
    let fields = "title, description, status, category, userName, userEmail, createdAt";
    let expected = json!([
        {"line": 3, "row": bad, "errors": [
            {"path": "priority", "message": format!("is not a field here; the fields are {fields}")},
            {"path": "status", "message": "must be one of pending, in-progress, completed"},
            {"path": "title", "message": "must be 1 to 200 characters long"},
            {"path": "userEmail", "message": "must be an e-mail address, such as ada@example.com"},
        ]},
        {"line": 5, "row": nul, "errors": [
            {"path": "title", "message": "must not contain the NUL character"},
        ]},
    ]);
    assert_eq!(json!(rejected), expected);
}

#[actix_web::test]
async fn invalid_rows_do_not_keep_valid_ones_from_being_loaded() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let long = format!("{{\"title\": \"{}\"}}", "x".repeat(1024 * 1024));
    let mut file = Vec::new();
    for line in [
        row("1").to_string().as_bytes(),
        b"garbage",
        b"{\"title\": \"unfinished",
        &[0xff, 0xfe, 0x00],
        b"null",
        long.as_bytes(),
        "[".repeat(100_000).as_bytes(),
        row("2").to_string().as_bytes(),
    ] {
        file.extend(line);
        file.push(b'\n');
    }
    folder.write("rows.ndjson", file);
    assert_eq!(folder.import(&app, "rows.ndjson").await.counts(), [2, 0, 6]);
    let rejected = folder.rejected("rows.ndjson.rejected.ndjson");
    let lines: Vec<_> = rejected.iter().map(|row| row["line"].clone()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
    assert_eq!(rejected[0]["row"], "garbage");
    assert_eq!(rejected[3]["row"], "null");
}

#[actix_web::test]
async fn rejected_rows_of_standard_input_go_to_the_working_directory() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let ended = folder.import_stdin(&app, "{}\n").await;
    assert_eq!(ended.counts(), [0, 0, 1]);
    assert_eq!(folder.rejected("stdin.rejected.ndjson")[0]["line"], 1);
}

#[actix_web::test]
async fn file_of_rejected_rows_is_that_of_the_last_import() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    for (content, counts, rejected) in [
        ("{}\n{}\n".to_owned(), [0, 0, 2], Some(2)),
        ("{}\n".to_owned(), [0, 0, 1], Some(1)),
        (ndjson(&rows(1)), [1, 0, 0], None),
    ] {
        folder.write("rows", content);
        assert_eq!(folder.import(&app, "rows").await.counts(), counts);
        let lines = folder.read("rows.rejected.ndjson");
        assert_eq!(lines.map(|text| text.lines().count()), rejected);
    }
}

#[actix_web::test]
async fn rejected_rows_go_to_standard_error_where_the_file_cannot_be_written() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    // Not by permissions, which do not bind root.
    std::fs::create_dir(folder.0.join("rows.rejected.ndjson")).unwrap();
    folder.write("rows", format!("{{\"title\": 7}}\n{}\n[]\n", row("1")));
    let ended = folder.import(&app, "rows").await;
    assert_eq!(ended.counts(), [1, 0, 2]);
    let place = "rejected 2 (see standard error, because rows.rejected.ndjson cannot be written: ";
    assert!(ended.stdout.contains(place), "{ended:?}");
    let rejected: Vec<serde_json::Value> = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(rejected.len(), 2, "{ended:?}");
    assert_eq!(
        (&rejected[0]["line"], &rejected[1]["line"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(rejected[0]["row"], json!({"title": 7}));
    assert_eq!(total(&app, "/tasks").await, 1);
}
