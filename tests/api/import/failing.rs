//! Imports that cannot go on: one sentence, and what was loaded stays and is seen.

use super::{Ended, Folder, gzip, ndjson, rows, total};
use crate::helpers::{TestApp, wait_until};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

#[actix_web::test]
async fn unloadable_file_is_one_sentence_on_standard_error() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    folder.write("rows.ndjson.gz", "{}\n");
    folder.write("rows.csv", "title,owner\n");
    for (file, sentence) in [
        ("nothing", "There is no file nothing."),
        ("folder", "folder is a directory, not a file."),
        (
            "rows.ndjson.gz",
            "rows.ndjson.gz is not gzip-compressed, as its name says.",
        ),
        (
            "rows.csv",
            "The header of rows.csv names \"owner\", which is not a field of a task; the fields \
             are title, description, status, category, userName, userEmail, createdAt.",
        ),
    ] {
        let ended = folder.import(&app, file).await;
        assert_eq!(ended.failure(), sentence);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
}

#[actix_web::test]
async fn readable_part_of_a_damaged_file_is_loaded() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let whole = ndjson(&rows(1500));
    let half = whole.len() / 2;
    let mut damaged = [gzip(&whole[..half]), gzip(&whole[half..])].concat();
    damaged.truncate(damaged.len() - 100);
    folder.write("rows.gz", &damaged);

    let ended = folder.import(&app, "rows.gz").await;
    let [imported, ..] = ended.summary();
    assert!((700..1500).contains(&imported), "{ended:?}");
    let line = imported + 1;
    let sentence = ended.failure();
    let start = format!("rows.gz cannot be read from line {line} on: ");
    assert!(sentence.starts_with(&start), "{sentence}");
    assert_eq!(total(&app, "/tasks").await, imported);

    folder.write("rows.gz", gzip(&whole));
    let ended = folder.import(&app, "rows.gz").await;
    assert_eq!(ended.counts(), [1500 - imported, imported, 0]);
}

#[actix_web::test]
async fn import_without_database_or_migrations_says_so() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    folder.write("rows", ndjson(&rows(1)));
    let mut command = folder.command(&app, "rows");
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let ended = Ended::from(command.output().await.unwrap());
    let start = "The import failed: PostgreSQL is unavailable: ";
    assert!(ended.failure().starts_with(start), "{ended:?}");

    sqlx::query("DROP TABLE _sqlx_migrations")
        .execute(&app.db)
        .await
        .unwrap();
    let ended = folder.import(&app, "rows").await;
    assert_eq!(
        ended.failure(),
        "The database lacks migrations; run `taskfleet migrate` first."
    );
}

#[actix_web::test]
async fn import_that_cannot_reach_redis_is_announced_by_the_instances() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    app.redis_connected().await;
    assert_eq!(total(&app, "/tasks").await, 0);
    assert_eq!(app.get("/tasks").await.header("x-cache"), "hit");
    folder.write("rows", ndjson(&rows(1)));
    let mut command = folder.command(&app, "rows");
    command.env("REDIS_URL", "redis://127.0.0.1:1");
    let ended = Ended::from(command.output().await.unwrap());
    assert_eq!(ended.counts(), [1, 0, 0]);
    assert_eq!(ended.stderr, "");
    assert_eq!(total(&app, "/tasks").await, 1);
}

/// An import that has loaded 1,000 rows from standard input and waits for more, and a list that
/// was remembered while it does.
async fn half_way(app: &TestApp, folder: &Folder) -> Child {
    let mut child = folder.start_on_stdin(app);
    let stdin = child.stdin.as_mut().unwrap();
    let thousand = ndjson(&rows(1000));
    stdin.write_all(thousand.as_bytes()).await.unwrap();
    assert_eq!(app.get("/tasks?page=7").await.status, 200);
    wait_until("the first batch is loaded", async || {
        let loaded = sqlx::query_scalar("SELECT count(*) FROM tasks").fetch_one(&app.db);
        loaded.await.is_ok_and(|count: i64| count == 1000)
    })
    .await;
    child
}

/// Checks that what an import has loaded before it failed is seen, and that another loads the rest.
async fn goes_on(app: &TestApp, folder: &Folder) {
    assert_eq!(total(app, "/tasks?page=7").await, 1000);
    let ended = folder.import_stdin(app, ndjson(&rows(1500))).await;
    assert_eq!(ended.counts(), [500, 1000, 0]);
}

#[actix_web::test]
async fn an_import_whose_connection_dies_goes_on_with_another() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let mut child = half_way(&app, &folder).await;
    let ended: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'taskfleet import'",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    assert_eq!(ended, [true]);
    let stdin = child.stdin.as_mut().unwrap();
    let more = ndjson(&rows(2000)[1000..]);
    stdin.write_all(more.as_bytes()).await.unwrap();
    drop(child.stdin.take());
    let ended = Ended::from(child.wait_with_output().await.unwrap());
    assert_eq!(ended.counts(), [2000, 0, 0]);
    assert_eq!(total(&app, "/tasks").await, 2000);
}

#[actix_web::test]
async fn an_import_that_is_stopped_can_be_run_again() {
    let (app, folder) = (TestApp::start().await, Folder::new());
    let mut child = half_way(&app, &folder).await;
    let id = child.id().unwrap().to_string();
    let killed = Command::new("kill").arg(&id).stdin(Stdio::null()).status();
    assert!(killed.await.unwrap().success());
    let kept_open = child.stdin.take();
    let ended = Ended::from(child.wait_with_output().await.unwrap());
    drop(kept_open);
    assert_eq!(
        ended.failure(),
        "The import was stopped; run it again to load the rest."
    );
    assert_eq!(ended.summary(), [1000, 0, 0]);
    goes_on(&app, &folder).await;
}
