//! What becomes of a connection to PostgreSQL after its use, by how that ended.

use crate::helpers::{TestApp, wait_until};
use sqlx::{query, query_scalar};
use std::time::Duration;
use taskfleet::db::{Connection, Database, DbError, Router};
use taskfleet::domain::scope::Changed;
use tokio::time::timeout;

/// A router that has one connection.
async fn router(app: &TestApp) -> Router {
    let mut settings = app.settings.database.clone();
    settings.database_max_connections = 1;
    Database::start(&settings).router(1)
}

/// Runs statements that change nothing that anybody sees, in a transaction.
async fn write<T>(
    router: &Router,
    statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let statements = async |db: &mut Connection, _| Ok(Changed::nothing(statements(db).await?));
    let written = router.write(None, || false, statements, async |_, _| ());
    written.await.map(|(changed, _)| changed.value)
}

/// Which of the server's processes serves the router.
async fn process(router: &Router) -> Result<i32, DbError> {
    let ask = async |db: &mut Connection| {
        let ask = query_scalar("SELECT pg_backend_pid()").fetch_one(db);
        Ok(ask.await?)
    };
    write(router, ask).await
}

/// Whether a transaction holds the advisory lock with this number.
async fn is_locked(app: &TestApp, lock: i64) -> bool {
    query_scalar("SELECT exists (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1)")
        .bind(lock)
        .fetch_one(&app.db)
        .await
        .unwrap()
}

#[actix_web::test]
async fn connection_is_reused_after_success_and_after_an_sql_error() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let first = process(&router).await.unwrap();
    assert_eq!(process(&router).await.unwrap(), first);

    let refused = async |db: &mut Connection| {
        query("SELECT pg_advisory_xact_lock(1)")
            .execute(&mut *db)
            .await?;
        query("SELECT 1 / 0").execute(&mut *db).await?;
        Ok(())
    };
    let result = write(&router, refused).await;
    assert!(matches!(result, Err(DbError::Fault(_))), "{result:?}");
    assert!(!is_locked(&app, 1).await, "the transaction is open still");
    assert_eq!(process(&router).await.unwrap(), first);
}

#[actix_web::test]
async fn connection_of_a_dropped_request_is_closed() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let first = process(&router).await.unwrap();

    let endless = async |db: &mut Connection| {
        query("SELECT pg_advisory_xact_lock(2)")
            .execute(&mut *db)
            .await?;
        std::future::pending::<Result<(), DbError>>().await
    };
    tokio::select! {
        result = write(&router, endless) => panic!("{result:?}"),
        () = wait_until("it is locked", async || is_locked(&app, 2).await) => {}
    }
    // The server would end the transaction by itself after 4 s.
    let released = wait_until("it is released", async || !is_locked(&app, 2).await);
    timeout(Duration::from_secs(3), released).await.unwrap();
    assert_ne!(process(&router).await.unwrap(), first);
}

#[actix_web::test]
async fn broken_connection_is_replaced() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let first = process(&router).await.unwrap();
    query("SELECT pg_terminate_backend($1)")
        .bind(first)
        .execute(&app.db)
        .await
        .unwrap();
    // Its next use finds out.
    assert!(process(&router).await.is_err());
    assert_ne!(process(&router).await.unwrap(), first);
}
