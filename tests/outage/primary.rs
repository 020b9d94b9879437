//! A primary that hangs: its clients are not kept waiting one after the other.

use crate::helpers::{Proxy, TestApp, servers, wait_until};
use crate::{ALONE, BOUND, bounded};
use sqlx::ConnectOptions;
use tokio::time::timeout;

#[actix_web::test]
async fn silent_primary_keeps_only_the_first_requests_waiting() {
    let _alone = ALONE.lock().await;
    let database = servers().create_database().await;
    let upstream = format!("{}:{}", database.get_host(), database.get_port());
    let proxy = Proxy::start(&upstream).await;
    let url = database.host("127.0.0.1").port(proxy.port()).to_url_lossy();
    let app = TestApp::start_with(&["--database-url", url.as_str()]).await;
    app.get("/tasks/1").await.problem(404);

    proxy.hold_answers();
    app.get("/tasks/1").await.problem(503);
    wait_until("requests fail at once", async || {
        timeout(BOUND, app.get("/tasks/1")).await.is_ok()
    })
    .await;
    for _ in 0..10 {
        bounded("read", async {
            app.get("/tasks/1").await.problem(503);
        })
        .await;
    }
    proxy.release();
    wait_until("requests succeed", async || {
        app.get("/tasks/1").await.status == 404
    })
    .await;
}
