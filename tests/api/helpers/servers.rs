//! PostgreSQL and Redis for a test run: one container of each, or those that are already there.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use taskfleet::db::migrations;
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::redis::Redis;
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, ImageExt};
use uuid::Uuid;

/// The servers of this run.
pub struct Servers {
    /// Any database on the PostgreSQL server, whose user may create others.
    pub postgres: PgConnectOptions,
    /// The Redis server.
    pub redis: String,
    /// A migrated database, of which each test gets a copy.
    template: String,
}

/// The servers of this run, which the first call starts.
pub fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        // Shown with a test that fails.
        env_logger::builder()
            .is_test(true)
            .filter_level(log::LevelFilter::Warn)
            .init();
        // On a thread of its own, because each test has its own runtime, which ends with it.
        let start = || {
            tokio::runtime::Runtime::new()
                .unwrap()
                .block_on(Servers::start())
        };
        std::thread::spawn(start).join().unwrap()
    })
}

impl Servers {
    async fn start() -> Self {
        let postgres = match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => url
                .parse()
                .expect("TEST_DATABASE_URL is the URL of a PostgreSQL server"),
            Err(_) => start_postgres().await,
        };
        let redis = match std::env::var("TEST_REDIS_URL") {
            Ok(url) => url,
            Err(_) => start_redis().await,
        };
        let template = format!("taskfleet_template_{}", Uuid::new_v4().simple());
        let servers = Self {
            postgres,
            redis,
            template,
        };
        servers
            .execute(&format!("CREATE DATABASE {}", servers.template))
            .await;
        migrations::migrate(&servers.postgres.clone().database(&servers.template))
            .await
            .unwrap();
        servers
    }

    /// A new, migrated, empty database.
    pub async fn create_database(&self) -> PgConnectOptions {
        let name = format!("taskfleet_test_{}", Uuid::new_v4().simple());
        self.execute(&format!(
            "CREATE DATABASE {name} TEMPLATE {}",
            self.template
        ))
        .await;
        self.postgres.clone().database(&name)
    }

    async fn execute(&self, statement: &str) {
        let mut connection: PgConnection = self.postgres.connect().await.unwrap();
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn start_postgres() -> PgConnectOptions {
    let container = Postgres::default()
        .with_tag("18")
        // Nothing here has to survive a crash; statements are counted by some tests.
        .with_cmd([
            "-c",
            "fsync=off",
            "-c",
            "max_connections=1000",
            "-c",
            "shared_preload_libraries=pg_stat_statements",
        ])
        .start()
        .await
        .expect("a container of postgres:18 starts (scripts/bootstrap brings the image)");
    let port = container.get_host_port_ipv4(5432).await.unwrap();
    remove_at_exit(container);
    format!("postgres://postgres:postgres@127.0.0.1:{port}/postgres")
        .parse()
        .unwrap()
}

async fn start_redis() -> String {
    let container = Redis::default()
        .with_tag("8")
        .start()
        .await
        .expect("a container of redis:8 starts (scripts/bootstrap brings the image)");
    let port = container.get_host_port_ipv4(6379).await.unwrap();
    remove_at_exit(container);
    format!("redis://127.0.0.1:{port}")
}

/// Keeps a container until this process ends, however it ends: nothing that belongs to a static is
/// dropped, so a child process waits for the end of its standard input and then removes it.
#[expect(
    clippy::zombie_processes,
    reason = "the child outlives this process, as it must"
)]
fn remove_at_exit<I: testcontainers_modules::testcontainers::Image>(container: ContainerAsync<I>) {
    let mut child = Command::new("sh")
        .args([
            "-c",
            "read -r id; cat; exec docker rm --force --volumes \"$id\"",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lifeline = child.stdin.take().unwrap();
    writeln!(lifeline, "{}", container.id()).unwrap();
    std::mem::forget(lifeline);
    std::mem::forget(container);
}
