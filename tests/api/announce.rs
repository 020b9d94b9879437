//! `taskfleet announce`, and what `taskfleet migrate` announces: nobody goes on serving what was there before
//! somebody wrote around the program.

use crate::helpers::{TestApp, servers};
use sqlx::{ConnectOptions, query};
use tokio::process::Command;

/// A program of this role for the deployment of this application.
fn program(app: &TestApp, role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskfleet"));
    let database = app.settings.database.database_url.0.to_url_lossy();
    command
        .arg(role)
        .env_clear()
        .env("DATABASE_URL", database.as_str())
        .env("REDIS_URL", &servers().redis)
        .env("REDIS_KEY_PREFIX", &app.settings.cache.redis_key_prefix);
    command
}

#[actix_web::test]
async fn announce_and_migrate_outdate_every_list() {
    let app = TestApp::start().await;
    for (role, total) in [("announce", 1), ("migrate", 2)] {
        app.get("/users").await;
        assert_eq!(app.get("/users").await.header("x-cache"), "hit");
        query("INSERT INTO users (name, email) VALUES ($1, $1 || '@example.com')")
            .bind(role)
            .execute(&app.db)
            .await
            .unwrap();
        let ended = program(&app, role).output().await.unwrap();
        assert!(ended.status.success(), "{role}: {ended:?}");
        assert_eq!(app.get("/users").await.json()["total"], total, "{role}");
    }
}

#[actix_web::test]
async fn announce_without_a_way_to_redis_goes_through_the_instances() {
    let app = TestApp::start().await;
    app.get("/users").await;
    app.add_user("Ada").await;
    let mut announce = program(&app, "announce");
    let ended = announce.env("REDIS_URL", "redis://127.0.0.1:1").output();
    let ended = ended.await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(app.get("/users").await.json()["total"], 1);
}

#[actix_web::test]
async fn announce_that_nobody_heard_says_so() {
    let app = TestApp::start().await;
    let mut announce = program(&app, "announce");
    // Nobody listens in this database.
    let database = servers().create_database().await.to_url_lossy();
    let ended = announce
        .env("DATABASE_URL", database.as_str())
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .output();
    let ended = ended.await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let sentence = String::from_utf8(ended.stderr).unwrap();
    assert!(sentence.contains("nothing was announced"), "{sentence}");
}
