//! What the protocol of marks relies on of PostgreSQL: that a transaction which is said to have ended is
//! visible, if it was committed.

use crate::helpers::TestApp;
use sqlx::{query, query_scalar};
use std::time::Duration;
use taskfleet::db::Database;
use tokio::time::timeout;

const ROUNDS: i64 = 200;

#[actix_web::test]
async fn transaction_status_never_says_ended_before_the_commit_is_visible() {
    let app = TestApp::start().await;
    query("CREATE TABLE written (round bigint)")
        .execute(&app.db)
        .await
        .unwrap();
    let mut reader = app.db.acquire().await.unwrap();
    for round in 0..ROUNDS {
        let mut writer = app.db.begin().await.unwrap();
        let id: String =
            query_scalar("INSERT INTO written VALUES ($1) RETURNING pg_current_xact_id()::text")
                .bind(round)
                .fetch_one(&mut *writer)
                .await
                .unwrap();
        let look = async {
            loop {
                let status: Option<String> = query_scalar("SELECT pg_xact_status($1::text::xid8)")
                    .bind(&id)
                    .fetch_one(&mut *reader)
                    .await
                    .unwrap();
                if status.as_deref() != Some("in progress") {
                    break;
                }
            }
            let seen: Option<i64> = query_scalar("SELECT max(round) FROM written")
                .fetch_one(&mut *reader)
                .await
                .unwrap();
            assert_eq!(seen, Some(round));
        };
        let (committed, looked) =
            tokio::join!(writer.commit(), timeout(Duration::from_secs(30), look));
        committed.unwrap();
        looked.unwrap();
    }
}

#[actix_web::test]
async fn transaction_that_a_later_look_does_not_find_running_is_visible() {
    let app = TestApp::start().await;
    query("CREATE TABLE written (round bigint)")
        .execute(&app.db)
        .await
        .unwrap();
    let questions = Database::start(&app.settings.database).questions();
    let mut reader = app.db.acquire().await.unwrap();
    for round in 0..ROUNDS {
        let mut writer = app.db.begin().await.unwrap();
        let id: String =
            query_scalar("INSERT INTO written VALUES ($1) RETURNING pg_current_xact_id()::text")
                .bind(round)
                .fetch_one(&mut *writer)
                .await
                .unwrap();
        let id: u64 = id.parse().unwrap();
        let is_running = async || {
            let running = questions.running().await.unwrap();
            running.iter().any(|transaction| transaction.id == id)
        };
        assert!(is_running().await);
        let look = async {
            while is_running().await {}
            let seen: Option<i64> = query_scalar("SELECT max(round) FROM written")
                .fetch_one(&mut *reader)
                .await
                .unwrap();
            assert_eq!(seen, Some(round));
        };
        let (committed, looked) =
            tokio::join!(writer.commit(), timeout(Duration::from_secs(30), look));
        committed.unwrap();
        looked.unwrap();
    }
}
