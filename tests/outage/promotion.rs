//! A replica becomes the primary while the old one is gone. The program goes on with it, and does not
//! trust the other replica, which has followed the old one to its end.

use super::ALONE;
use crate::helpers::{Proxy, TestApp, wait_until};
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Executor, query_scalar};
use taskfleet::db::migrations;
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::core::{Mount, WaitFor};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, GenericImage, ImageExt};
use uuid::Uuid;

/// Clones the primary and follows it.
const FOLLOW: &str = "mkdir -p \"${PGDATA%/*}\"; until pg_basebackup --dbname \"host=$PRIMARY user=postgres password=postgres\" \
    --pgdata \"$PGDATA\" --write-recovery-conf --wal-method stream --checkpoint fast; \
    do rm -rf \"$PGDATA\"; sleep 0.2; done; exec docker-entrypoint.sh postgres";

/// A primary and two replicas that stream from it.
struct Cluster {
    primary: ContainerAsync<Postgres>,
    replicas: [ContainerAsync<GenericImage>; 2],
}

impl Cluster {
    async fn start() -> Self {
        let name = format!("taskfleet-promotion-{}", Uuid::new_v4().simple());
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/replica/pg_hba.conf");
        let primary = Postgres::default()
            .with_tag("18")
            .with_container_name(&name)
            .with_network(&name)
            .with_mount(Mount::bind_mount(rules, "/etc/taskfleet/pg_hba.conf"))
            .with_cmd([
                "-c",
                "fsync=off",
                "-c",
                "hba_file=/etc/taskfleet/pg_hba.conf",
            ])
            .start()
            .await
            .unwrap();
        let replica = async || {
            let ready = "database system is ready to accept read-only connections";
            GenericImage::new("postgres", "18")
                .with_wait_for(WaitFor::message_on_stderr(ready))
                .with_network(&name)
                .with_env_var("PRIMARY", &name)
                .with_cmd(["sh", "-c", FOLLOW])
                .start()
                .await
                .unwrap()
        };
        let replicas = [replica().await, replica().await];
        Self { primary, replicas }
    }
}

/// `HOST:PORT` of a server.
async fn address<I: testcontainers_modules::testcontainers::Image>(
    container: &ContainerAsync<I>,
) -> String {
    let port = container.get_host_port_ipv4(5432).await.unwrap();
    format!("127.0.0.1:{port}")
}

fn url(address: &str) -> String {
    format!("postgres://postgres:postgres@{address}/postgres")
}

async fn connect(address: &str) -> PgConnection {
    let options: PgConnectOptions = url(address).parse().unwrap();
    options.connect().await.unwrap()
}

/// What a server has replayed, in bytes.
async fn replayed(replica: &mut PgConnection) -> i64 {
    query_scalar("SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")
        .fetch_one(replica)
        .await
        .unwrap()
}

#[actix_web::test]
async fn replica_of_the_old_timeline_is_not_trusted_after_a_promotion() {
    let _alone = ALONE.lock().await;
    let cluster = Cluster::start().await;
    let [first, second] = [
        address(&cluster.replicas[0]).await,
        address(&cluster.replicas[1]).await,
    ];
    let old_primary = address(&cluster.primary).await;
    migrations::migrate(&url(&old_primary).parse().unwrap())
        .await
        .unwrap();
    let proxy = Proxy::start(&old_primary).await;
    let app = TestApp::start_with(&[
        "--database-url",
        &url(&format!("127.0.0.1:{}", proxy.port())),
        "--database-replica-urls",
        &format!("{},{}", url(&first), url(&second)),
    ])
    .await;
    app.redis_connected().await;
    let user = json!({"name": "Ada", "email": "ada@example.com", "password": "correct horse"});
    let user = app.post("/users", user).await.data(201)["id"].clone();
    let before = json!({"title": "before", "userId": user});
    let task = app.post("/tasks", before).await.data(201)["id"].clone();
    let path = format!("/tasks/{task}");
    for replica in ["replica-1", "replica-2"] {
        wait_until("both replicas serve", async || {
            app.get(&path).await.header("x-served-from") == replica
        })
        .await;
    }

    // The first replica lags behind, and the second one has replayed more than the first one will have
    // written for long: only the timeline tells that this is worth nothing.
    let mut lagging = connect(&first).await;
    let detach = "ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf()";
    for statement in detach.split("; ") {
        lagging.execute(statement).await.unwrap();
    }
    wait_until("it follows nobody", async || {
        let receivers = query_scalar("SELECT count(*) FROM pg_stat_wal_receiver");
        let receivers: i64 = receivers
            .fetch_one(&mut connect(&first).await)
            .await
            .unwrap();
        receivers == 0
    })
    .await;
    let mut primary = connect(&old_primary).await;
    let fill = "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) \
                FROM generate_series(1, 40)";
    primary.execute(fill).await.unwrap();
    let end = query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint");
    let end: i64 = end.fetch_one(&mut primary).await.unwrap();
    wait_until("the other one has replayed it", async || {
        replayed(&mut connect(&second).await).await >= end
    })
    .await;
    assert!(replayed(&mut lagging).await < end - 30_000_000);

    cluster.primary.stop_with_timeout(Some(1)).await.unwrap();
    lagging.execute("SELECT pg_promote()").await.unwrap();
    proxy.lead_to(Some(&first));
    wait_until("the program writes to the new primary", async || {
        let update = json!({"title": "on the new timeline"});
        app.put(&path, update).await.status == 200
    })
    .await;
    app.redis_connected().await;
    for round in 0..30 {
        let title = format!("after {round}");
        let update = json!({"title": title});
        assert_eq!(app.put(&path, update).await.data(200)["title"], title);
        for path in [&path, "/tasks"] {
            let answer = app.get(path).await;
            let data = answer.data(200);
            let shown = data.get(0).unwrap_or(&data);
            assert_eq!(shown["title"], title, "{answer:?}");
            let source = answer.headers.get("x-served-from");
            assert!(source.is_none_or(|name| name != "replica-2"), "{answer:?}");
        }
    }
}
