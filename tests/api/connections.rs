//! What becomes of a connection to PostgreSQL after its use, by how that ended.

use crate::helpers::{TestApp, wait_until};
use sqlx::{query, query_scalar};
use std::cell::Cell;
use std::time::Duration;
use taskfleet::db::{Connection, Database, DbError, Router};
use taskfleet::domain::scope::Changed;
use tokio::sync::Barrier;
use tokio::time::{sleep, timeout};

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
    // Its next use finds out, and goes on with another.
    assert_ne!(process(&router).await.unwrap(), first);
}

async fn terminate(app: &TestApp, process: i32) {
    query("SELECT pg_terminate_backend($1)")
        .bind(process)
        .execute(&app.db)
        .await
        .unwrap();
    let exists = "SELECT exists (SELECT FROM pg_stat_activity WHERE pid = $1)";
    wait_until("the process has ended", async || {
        let exists = query_scalar(exists).bind(process).fetch_one(&app.db);
        !exists.await.unwrap_or(true)
    })
    .await;
}

/// As after a restart of the server, where a second try must not meet the next dead one.
#[actix_web::test]
async fn read_succeeds_where_all_idle_connections_have_died() {
    let app = TestApp::start().await;
    let mut settings = app.settings.database.clone();
    settings.database_max_connections = 3;
    let router = Database::start(&settings).router(1);
    let at_once = Barrier::new(3);
    let ask = async || {
        let statements = async |db: &mut Connection| {
            at_once.wait().await;
            Ok(query_scalar("SELECT pg_backend_pid()")
                .fetch_one(db)
                .await?)
        };
        router.read_primary(statements).await.unwrap()
    };
    let processes: [i32; 3] = tokio::join!(ask(), ask(), ask()).into();
    for process in processes {
        terminate(&app, process).await;
    }
    for _ in processes {
        let statements = async |db: &mut Connection| {
            query("SELECT 1").execute(db).await?;
            Ok(())
        };
        router.read_primary(statements).await.unwrap();
    }
}

#[actix_web::test]
async fn write_succeeds_where_its_connection_died_while_it_was_idle() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let first = process(&router).await.unwrap();
    terminate(&app, first).await;
    // The idleness after which a connection is asked first.
    sleep(Duration::from_millis(1100)).await;
    assert_ne!(process(&router).await.unwrap(), first);
}

/// It leads to what was the primary.
#[actix_web::test]
async fn connection_that_may_not_write_is_closed() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let first = process(&router).await.unwrap();
    let write = async |db: &mut Connection| {
        query("SET TRANSACTION READ ONLY").execute(&mut *db).await?;
        query("DELETE FROM tasks").execute(db).await?;
        Ok(())
    };
    let result = self::write(&router, write).await;
    assert!(matches!(result, Err(DbError::Unavailable(_))), "{result:?}");
    assert_ne!(process(&router).await.unwrap(), first);
}

/// As where a process is frozen for some seconds: the server has ended the transaction by then, and says so
/// in place of an answer to the commit.
#[actix_web::test]
async fn write_whose_transaction_was_idle_for_too_long_is_made_once_more() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let runs = Cell::new(0);
    let statements = async |db: &mut Connection| {
        query("INSERT INTO categories (name) VALUES ('late')")
            .execute(db)
            .await?;
        runs.set(runs.get() + 1);
        if runs.get() == 1 {
            sleep(Duration::from_millis(2500)).await;
        }
        Ok(())
    };
    write(&router, statements).await.unwrap();
    let written: i64 = query_scalar("SELECT count(*) FROM categories")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!((runs.get(), written), (2, 1));
}

#[actix_web::test]
async fn write_whose_connection_died_before_its_commit_is_made_once_more() {
    let app = TestApp::start().await;
    let router = router(&app).await;
    let runs = Cell::new(0);
    let statements = async |db: &mut Connection| {
        runs.set(runs.get() + 1);
        let process = query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *db);
        let process: i32 = process.await?;
        if runs.get() == 1 {
            terminate(&app, process).await;
        }
        query("INSERT INTO categories (name) VALUES ('once')")
            .execute(db)
            .await?;
        Ok(())
    };
    write(&router, statements).await.unwrap();
    let written: i64 = query_scalar("SELECT count(*) FROM categories")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!((runs.get(), written), (2, 1));
}

#[actix_web::test]
async fn transaction_has_a_time_limit_where_the_server_knows_one() {
    let app = TestApp::start().await;
    let database = Database::start(&app.settings.database);
    let ask = async |db: &mut Connection| {
        let ask = query_scalar("SELECT current_setting('transaction_timeout', true)").fetch_one(db);
        Ok(ask.await?)
    };
    let knows = "SELECT current_setting('server_version_num')::int >= 170000";
    let knows: bool = query_scalar(knows).fetch_one(&app.db).await.unwrap();
    for (router, limit) in [
        (database.router(1), "5s"),
        (database.import_router(), "5min"),
    ] {
        let found: Option<String> = write(&router, ask).await.unwrap();
        assert_eq!(found.as_deref(), knows.then_some(limit));
    }
}

#[actix_web::test]
async fn statement_of_a_client_that_has_gone_is_ended() {
    const ENDLESS: &str = "SELECT pg_sleep(1000)";
    let app = TestApp::start().await;
    let router = router(&app).await;
    let is_running = async || -> bool {
        query_scalar(
            "SELECT exists (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND query = $1)",
        )
        .bind(ENDLESS)
        .fetch_one(&app.db)
        .await
        .unwrap()
    };
    let endless = async |db: &mut Connection| {
        query(
            "SELECT set_config(name, '0', false) FROM pg_settings
               WHERE name IN ('statement_timeout', 'transaction_timeout')",
        )
        .execute(&mut *db)
        .await?;
        query(ENDLESS).execute(db).await?;
        Ok(())
    };
    tokio::select! {
        result = router.read_primary(endless) => panic!("{result:?}"),
        () = wait_until("it is running", &is_running) => {}
    }
    wait_until("it has ended", async || !is_running().await).await;
}
