//! What an import loads, and what it leaves alone.

use super::{Ended, Folder, gzip, ndjson, row, row_with, rows, total};
use crate::helpers::{Redis, TestApp, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::io::Read;

const WORKLOG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/loadtest/data/worklog.ndjson.gz"
);

#[actix_web::test]
async fn demo_file_is_loaded_completely_and_skipped_by_a_second_import() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let worklog = fs::read(WORKLOG).unwrap();
    folder.write("worklog.ndjson.gz", &worklog);

    let first = folder.import(&app, "worklog.ndjson.gz").await;
    let [imported, skipped, rejected] = first.counts();
    assert_eq!((imported + rejected, skipped), (17_922, 0));
    assert!(
        first
            .stdout
            .ends_with("(see worklog.ndjson.gz.rejected.ndjson).\n"),
        "{first:?}"
    );
    assert!(first.stderr.contains("5,000 rows so far, "), "{first:?}");
    assert_eq!(total(&app, "/tasks").await, imported);
    let others = (
        total(&app, "/users").await,
        total(&app, "/categories").await,
    );

    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&*worklog);
    decoder.read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let rejected_rows = folder.rejected("worklog.ndjson.gz.rejected.ndjson");
    assert_eq!(rejected_rows.len() as u64, rejected);
    for rejected_row in rejected_rows {
        let line = rejected_row["line"].as_u64().unwrap() as usize;
        let original: Value = serde_json::from_str(lines[line - 1]).unwrap();
        assert_eq!(rejected_row["row"], original);
        for error in rejected_row["errors"].as_array().unwrap() {
            let (path, most) = match error["path"].as_str().unwrap() {
                "title" => ("title", 200),
                path => (path, 1000),
            };
            assert!(
                original[path].as_str().unwrap().chars().count() > most,
                "{error}"
            );
        }
    }

    let second = folder.import(&app, "worklog.ndjson.gz").await;
    assert_eq!(second.counts(), [0, imported, rejected]);
    assert_eq!(total(&app, "/tasks").await, imported);
    let now = (
        total(&app, "/users").await,
        total(&app, "/categories").await,
    );
    assert_eq!(now, others);
}

#[actix_web::test]
async fn imported_task_has_the_values_of_its_row() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let chores = app.create_category("Chores").await;
    app.create_category("Chores").await;
    let ada: i64 = sqlx::query_scalar(
        "INSERT INTO users (name, email) VALUES ('Ada King', 'ADA@example.com') RETURNING id",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    let others = json!({
        "description": "with\ntwo lines", "status": "completed", "category": null,
        "userName": "Bob", "userEmail": "Bob@example.com",
        "createdAt": "2001-02-03T23:30:00.125-02:00",
    });
    folder.write(
        "rows",
        ndjson(&[row("first"), row_with("second 🦀", others)]),
    );
    assert_eq!(folder.import(&app, "rows").await.counts(), [2, 0, 0]);

    let tasks = app.get("/tasks").await.data(200);
    assert_eq!(tasks[0]["title"], "first");
    assert_eq!(tasks[0]["description"], "");
    assert_eq!(tasks[0]["status"], "pending");
    assert_eq!(tasks[0]["createdAt"], "2026-05-17T09:30:00.000Z");
    assert_eq!(tasks[0]["userId"], ada, "the user that was there");
    assert_eq!(tasks[0]["user"]["name"], "Ada King");
    assert_eq!(tasks[0]["categoryId"], chores, "the older of two");
    assert_eq!(tasks[1]["title"], "second 🦀");
    assert_eq!(tasks[1]["description"], "with\ntwo lines");
    assert_eq!(tasks[1]["status"], "completed");
    assert_eq!(tasks[1]["createdAt"], "2001-02-04T01:30:00.125Z");
    assert_eq!(tasks[1]["updatedAt"], "2001-02-04T01:30:00.125Z");
    assert_eq!(tasks[1]["user"]["name"], "Bob");
    assert_eq!(tasks[1]["user"]["email"], "Bob@example.com");
    assert_eq!(tasks[1]["category"], Value::Null);
    assert_eq!(total(&app, "/categories").await, 2);
}

#[actix_web::test]
async fn csv_loads_the_same_as_ndjson() {
    let (app, other, folder) = (
        TestApp::start().await,
        TestApp::start().await,
        Folder::new(),
    );
    let odd = json!({"description": "a \"quoted\", \n\nlong text", "category": ""});
    folder.write("rows.ndjson", ndjson(&[row("one"), row_with("two", odd)]));
    folder.write(
        "rows.csv.gz",
        gzip(
            "userEmail,title,description,status,category,userName,createdAt\r\n\
             ada@example.com,one,,pending,Chores,Ada,2026-05-17T09:30:00Z\r\n\
             ada@example.com,two,\"a \"\"quoted\"\", \n\nlong text\",pending,,Ada,\
             2026-05-17T11:30:00+02:00\r\n",
        ),
    );
    assert_eq!(folder.import(&app, "rows.ndjson").await.counts(), [2, 0, 0]);
    assert_eq!(
        folder.import(&other, "rows.csv.gz").await.counts(),
        [2, 0, 0]
    );
    let without_ids = |mut tasks: Value| {
        for task in tasks.as_array_mut().unwrap() {
            for embedded in ["user", "category"] {
                // These were created now, and not at the time that the file says.
                if let Some(embedded) = task[embedded].as_object_mut() {
                    embedded.remove("createdAt");
                    embedded.remove("updatedAt");
                }
            }
        }
        tasks
    };
    assert_eq!(
        without_ids(app.get("/tasks").await.data(200)),
        without_ids(other.get("/tasks").await.data(200)),
    );
    // And so the one is known after the other.
    assert_eq!(folder.import(&app, "rows.csv.gz").await.counts(), [0, 2, 0]);
}

#[actix_web::test]
async fn standard_input_may_be_anything_that_a_file_may_be() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let text = ndjson(&rows(3));
    let csv = "title,userName,userEmail,createdAt\nrow,Ada,a@b.co,2026-05-17T09:30:00Z\n";
    for (content, counts) in [
        (text.clone().into_bytes(), [3, 0, 0]),
        (gzip(&text), [0, 3, 0]),
        (csv.as_bytes().to_vec(), [1, 0, 0]),
        (gzip(csv), [0, 1, 0]),
        (Vec::new(), [0, 0, 0]),
    ] {
        assert_eq!(folder.import_stdin(&app, content).await.counts(), counts);
    }
    assert_eq!(folder.read("stdin.rejected.ndjson"), None);
}

#[actix_web::test]
async fn equal_rows_of_one_file_are_different_tasks() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    folder.write("rows", ndjson(&[row("same"), row("same")]));
    assert_eq!(folder.import(&app, "rows").await.counts(), [2, 0, 0]);
    assert_eq!(folder.import(&app, "rows").await.counts(), [0, 2, 0]);
    folder.write(
        "rows",
        ndjson(&[row("same"), row("new"), row("same"), row("same")]),
    );
    assert_eq!(folder.import(&app, "rows").await.counts(), [2, 2, 0]);
    assert_eq!(total(&app, "/tasks").await, 4);
}

#[actix_web::test]
async fn user_or_category_deleted_after_an_import_stays_deleted_after_the_next() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    folder.write("rows", ndjson(&[row("one")]));
    assert_eq!(folder.import(&app, "rows").await.counts(), [1, 0, 0]);
    let task = &app.get("/tasks").await.data(200)[0];
    for path in [
        format!("/users/{}", task["userId"]),
        format!("/categories/{}", task["categoryId"]),
    ] {
        assert_eq!(app.delete(&path).await.status, 200);
    }
    assert_eq!(folder.import(&app, "rows").await.counts(), [0, 1, 0]);
    assert_eq!(total(&app, "/users").await, 0);
    assert_eq!(total(&app, "/categories").await, 0);
}

#[actix_web::test]
async fn list_is_fresh_after_an_import_of_several_batches_and_no_mark_is_left() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    folder.write("rows", ndjson(&rows(2500)));
    assert_eq!(total(&app, "/tasks").await, 0);
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
    assert_eq!(folder.import(&app, "rows").await.counts(), [2500, 0, 0]);
    assert_eq!(total(&app, "/tasks").await, 2500);
    assert_eq!(Redis::of(&app).await.marks().await, [""; 0]);
}

#[actix_web::test]
async fn concurrent_imports_create_nothing_twice() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    // A user that is there already, so that the index on users makes no import wait for another.
    sqlx::query("INSERT INTO users (name, email) VALUES ('Ada', 'ada@example.com')")
        .execute(&app.db)
        .await
        .unwrap();
    // Of both files, the first half is the same.
    let file = |other: usize| {
        let row = |n: usize| {
            let title = format!("row {n} of {}", if n < 750 { 0 } else { other });
            row_with(&title, json!({"category": format!("category {}", n % 500)}))
        };
        ndjson(&(0..1500).map(row).collect::<Vec<_>>())
    };
    // Both get to where they would create categories, and then go on at the same moment.
    let mut barrier = app.db.begin().await.unwrap();
    sqlx::query("LOCK TABLE categories IN EXCLUSIVE MODE")
        .execute(&mut *barrier)
        .await
        .unwrap();
    let imports = ["1", "2"].map(|name| {
        folder.write(name, file(name.parse().unwrap()));
        folder.command(&app, name).spawn().unwrap()
    });
    wait_until("both imports wait", async || {
        let waiting = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'taskfleet import'
                   AND wait_event_type = 'Lock'",
        );
        let waiting = waiting.fetch_one(&app.db).await;
        waiting.is_ok_and(|count: i64| count == 2)
    })
    .await;
    barrier.rollback().await.unwrap();

    let mut counts = [0, 0];
    for import in imports {
        let ended = Ended::from(import.wait_with_output().await.unwrap());
        let [imported, skipped, _] = ended.counts();
        counts = [counts[0] + imported, counts[1] + skipped];
    }
    assert_eq!(counts, [2250, 750]);
    assert_eq!(total(&app, "/tasks").await, 2250);
    assert_eq!(total(&app, "/users").await, 1);
    assert_eq!(total(&app, "/categories").await, 500);
}
