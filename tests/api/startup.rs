//! How an instance starts where PostgreSQL is not there yet.

use crate::helpers::{TestApp, send};
use crate::process::Process;
use reqwest::Method;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// How many connections are turned away before PostgreSQL is there.
const TURNED_AWAY: usize = 4;

#[actix_web::test]
async fn instance_logs_that_it_waits_for_postgresql_and_then_serves() {
    let app = TestApp::start().await;
    let database = app.settings.database.database_url.0.clone();
    let upstream = format!("{}:{}", database.get_host(), database.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let late = tokio::spawn(async move {
        for _ in 0..TURNED_AWAY {
            drop(listener.accept().await.unwrap());
        }
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(async move { _ = copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let url = database.host("127.0.0.1").port(port);
    let url = sqlx::ConnectOptions::to_url_lossy(&url).to_string();
    let process = Process::serve(&app, &[("DATABASE_URL", &url)]).await;
    let list = send(process.request(Method::GET, "/tasks")).await;
    assert_eq!(list.status, 200, "{list:?}");
    let lines = process.end().await;
    let waited = "PostgreSQL cannot be reached yet, trying for another";
    let waited = lines.iter().filter(|line| line.contains(waited)).count();
    assert_eq!(waited, TURNED_AWAY, "{lines:?}");
    late.abort();
}

#[actix_web::test]
async fn an_instance_starts_without_redis() {
    let app = TestApp::start().await;
    let process = Process::serve(&app, &[("REDIS_URL", "redis://127.0.0.1:1")]).await;
    let list = send(process.request(Method::GET, "/tasks")).await;
    assert_eq!(list.header("x-cache"), "bypass");
    assert_eq!(list.header("x-served-from"), "primary");
    process.end().await;
}
