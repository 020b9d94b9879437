//! Replicas of PostgreSQL that lag, that do not follow a promotion, or that stand where another one stood:
//! no read shows less than what it asks for.

use crate::ALONE;
use crate::helpers::{Proxy, wait_until};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, query, query_scalar};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;
use taskfleet::config::{DatabaseSettings, DatabaseUrl};
use taskfleet::db::{Connection, Database, DbError, Router};
use taskfleet::domain::log_position::{LogPosition, Lsn};
use taskfleet::domain::scope::Changed;
use taskfleet::domain::served_from::ServedFrom;
use testcontainers_modules::testcontainers::core::{ExecCommand, IntoContainerPort};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt,
};
use tokio::time::sleep;

/// A PostgreSQL server of its own.
struct Server {
    container: ContainerAsync<GenericImage>,
    address: String,
}

impl Server {
    /// A primary that may be cloned.
    async fn primary() -> Self {
        let image = GenericImage::new("postgres", "18").with_exposed_port(5432.tcp());
        let primary = Self::start(
            image
                .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
                .with_cmd(["-c", "fsync=off"]),
        )
        .await;
        let allow = "echo 'host replication all all trust' >> \"$PGDATA\"/pg_hba.conf";
        let allow = ExecCommand::new(["bash", "-c", allow]);
        let mut allowed = primary.container.exec(allow).await.unwrap();
        allowed.stdout_to_vec().await.unwrap();
        primary.execute("SELECT pg_reload_conf()").await;
        primary
    }

    /// A replica that streams from this server.
    async fn replica(&self) -> Self {
        let upstream = self.container.get_bridge_ip_address().await.unwrap();
        let clone = format!(
            "until pg_basebackup -h {upstream} -U postgres -D /tmp/replica -R -c fast; do
                 rm -rf /tmp/replica
                 sleep 0.2
             done
             exec postgres -D /tmp/replica -c wal_retrieve_retry_interval=200ms"
        );
        let image = GenericImage::new("postgres", "18").with_exposed_port(5432.tcp());
        Self::start(
            image
                .with_user("postgres")
                .with_cmd(["bash", "-c", clone.as_str()]),
        )
        .await
    }

    async fn start(request: ContainerRequest<GenericImage>) -> Self {
        // By its name, under which the addresses of its containers can be asked for.
        let container = request.with_network("bridge").start().await.unwrap();
        let port = container.get_host_port_ipv4(5432).await.unwrap();
        let server = Self {
            container,
            address: format!("127.0.0.1:{port}"),
        };
        wait_until("PostgreSQL answers", async || {
            let connection: Result<PgConnection, _> = options(&server.address).connect().await;
            connection.is_ok()
        })
        .await;
        server
    }

    async fn connect(&self) -> PgConnection {
        options(&self.address).connect().await.unwrap()
    }

    async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement);
        self.connect().await.execute(statement).await.unwrap();
    }

    /// How far it has replayed the log of its primary.
    async fn replayed(&self) -> Lsn {
        let ask = "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint";
        let replayed: i64 = query_scalar(ask)
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap();
        Lsn(replayed.unsigned_abs())
    }
}

fn options(address: &str) -> PgConnectOptions {
    let url = format!("postgres://postgres:postgres@{address}/postgres");
    url.parse().unwrap()
}

/// The database behind these addresses.
fn database(primary: &str, replicas: &[&str]) -> Database {
    let url = |address: &&str| DatabaseUrl(options(address));
    Database::start(&DatabaseSettings {
        database_url: url(&primary),
        database_replica_urls: replicas.iter().map(url).collect(),
        database_wait: Duration::from_secs(60),
        database_max_connections: 2,
    })
}

async fn position(router: &Router) -> LogPosition {
    let found = RefCell::new(None);
    wait_until("the primary tells its position", async || {
        let position = router.questions().position().await;
        found.replace(position).is_some()
    })
    .await;
    found.into_inner().unwrap_or_else(|| panic!("no position"))
}

/// Who serves a read that has to show everything up to this position.
async fn served_from(router: &Router, position: LogPosition) -> ServedFrom {
    let read = async |db: &mut Connection| {
        query("SELECT 1").execute(db).await?;
        Ok(())
    };
    let ((), served_from) = read_at(router, position, read).await;
    served_from
}

/// Reads on a replica that shows everything up to this position, else on the primary.
async fn read_at<T>(
    router: &Router,
    position: LogPosition,
    statements: impl AsyncFn(&mut Connection) -> Result<T, DbError>,
) -> (T, ServedFrom) {
    match router.read_replica(position, &statements).await {
        Some(read) => read,
        None => {
            let value = router.read_primary(&statements).await.unwrap();
            (value, ServedFrom::Primary)
        }
    }
}

async fn until_served_from(router: &Router, position: LogPosition, expected: ServedFrom) {
    wait_until("it is the turn of another server", async || {
        served_from(router, position).await == expected
    })
    .await;
}

#[actix_web::test]
async fn replica_that_does_not_follow_a_promotion_is_read_from_no_more() {
    let _alone = ALONE.lock().await;
    let primary = Server::primary().await;
    let (left_behind, promoted) = tokio::join!(primary.replica(), primary.replica());
    let follower = promoted.replica().await;
    let proxy = Proxy::start(&primary.address).await;
    let name = format!("127.0.0.1:{}", proxy.port());
    let database = database(&name, &[&left_behind.address, &follower.address]);
    let router = database.router(1);
    let before = position(&router).await;
    for replica in [1, 2] {
        until_served_from(&router, before, ServedFrom::Replica(replica)).await;
    }

    promoted.execute("SELECT pg_promote()").await;
    proxy.lead_to(Some(&promoted.address));
    let after = position(&router).await;
    assert_eq!(after.history.timeline, before.history.timeline + 1);
    // What was the primary does not know, and its log grows beyond the position in the new one.
    let grow = "SELECT pg_logical_emit_message(true, 'taskfleet', repeat('x', 4000000))";
    primary.execute(grow).await;
    wait_until("its replica has replayed it", async || {
        left_behind.replayed().await > after.lsn
    })
    .await;

    until_served_from(&router, after, ServedFrom::Replica(2)).await;
    // Nor for a position from before, as it stands in Redis until the next write.
    let mut servers = BTreeSet::new();
    for _ in 0..20 {
        for position in [before, after] {
            servers.insert(served_from(&router, position).await.to_string());
        }
    }
    assert!(!servers.contains("replica-1"), "{servers:?}");
}

/// As where the instance that wrote is cut off from Redis, so that no position was left there.
#[actix_web::test]
async fn replica_that_lacks_what_the_primary_says_is_not_read_from() {
    let _alone = ALONE.lock().await;
    let primary = Server::primary().await;
    let replica = primary.replica().await;
    let proxy = Proxy::start(&primary.address).await;
    let name = format!("127.0.0.1:{}", proxy.port());
    let database = database(&name, &[&replica.address]);
    let router = database.router(1);
    let before = position(&router).await;
    until_served_from(&router, before, ServedFrom::Replica(1)).await;

    replica.execute("SELECT pg_wal_replay_pause()").await;
    primary.execute("CREATE TABLE written ()").await;
    until_served_from(&router, before, ServedFrom::Primary).await;
    for _ in 0..20 {
        assert_eq!(served_from(&router, before).await, ServedFrom::Primary);
    }
    replica.execute("SELECT pg_wal_replay_resume()").await;
    until_served_from(&router, before, ServedFrom::Replica(1)).await;

    // Without the primary nobody can write, so the last position counts for longer than its age.
    proxy.lead_to(None);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(served_from(&router, before).await, ServedFrom::Replica(1));
}

#[actix_web::test]
async fn replica_that_stands_where_another_one_stood_is_not_taken_for_it() {
    let _alone = ALONE.lock().await;
    let primary = Server::primary().await;
    let (watched, lagging) = tokio::join!(primary.replica(), primary.replica());
    let proxy = Proxy::start(&watched.address).await;
    let name = format!("127.0.0.1:{}", proxy.port());
    let database = database(&primary.address, &[&name]);
    let router = database.router(1);
    let first = position(&router).await;
    until_served_from(&router, first, ServedFrom::Replica(1)).await;

    lagging.execute("SELECT pg_wal_replay_pause()").await;
    primary.execute("CREATE TABLE written ()").await;
    let written = position(&router).await;
    until_served_from(&router, written, ServedFrom::Replica(1)).await;
    // All connections but the one that watches.
    proxy.lead_new_to(&lagging.address);
    watched
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'taskfleet' AND query NOT LIKE '%pg_last_wal_replay_lsn%'",
        )
        .await;
    let shows = async |db: &mut Connection| {
        let shows = query_scalar("SELECT to_regclass('written') IS NOT NULL").fetch_one(db);
        Ok(shows.await?)
    };
    for _ in 0..100 {
        let (shows, served_from): (bool, _) = read_at(&router, written, shows).await;
        assert!(shows, "stale from {served_from}");
        sleep(Duration::from_millis(5)).await;
    }
    lagging.execute("SELECT pg_wal_replay_resume()").await;
    until_served_from(&router, written, ServedFrom::Replica(1)).await;
}

#[actix_web::test]
async fn replica_is_not_used_as_the_primary() {
    let _alone = ALONE.lock().await;
    let primary = Server::primary().await;
    let replica = primary.replica().await;
    let database = database(&replica.address, &[]);
    let router = database.router(1);
    let statements = async |db: &mut Connection| {
        query("SELECT 1").execute(db).await?;
        Ok(())
    };
    let read = router.read_primary(statements).await;
    assert!(matches!(read, Err(DbError::Unavailable(_))), "{read:?}");
    let changed = async |db: &mut Connection, _| Ok(Changed::nothing(statements(db).await?));
    let write = router.write(None, || false, changed, async |_, _| ()).await;
    assert!(matches!(write, Err(DbError::Unavailable(_))), "{write:?}");
    assert_eq!(router.questions().position().await, None);
}
