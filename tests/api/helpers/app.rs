//! An instance of the application, and a client of it with a method for what tests do most.

use super::{servers, wait_until};
use actix_web::rt;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::cell::Cell;
use std::sync::Arc;
use taskfleet::app::instance::Instance;
use taskfleet::config::{Cli, Role, ServeSettings};
use taskfleet::startup::Application;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// How many workers an instance has where a test does not say otherwise.
const WORKERS: usize = 2;

/// A running instance with a database and a name space in Redis of its own.
pub struct TestApp {
    /// `http://HOST:PORT`.
    pub url: String,
    /// Its settings.
    pub settings: ServeSettings,
    /// What it knows of itself.
    pub instance: Arc<Instance>,
    /// The way to its database around it.
    pub db: PgPool,
    database: PgConnectOptions,
    client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `data` of the body, where the status is as expected.
    pub fn data(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()["data"].clone()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().unwrap()
    }

    /// Checks that this is a problem with this status, and returns its sentence.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["message"], body["detail"]);
        assert_eq!(body["requestId"], self.header("x-request-id"));
        assert_eq!(body["type"], "about:blank");
        assert!(
            body["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{body}"
        );
        body["detail"].as_str().unwrap().to_owned()
    }

    /// The paths that `errors` of a 400 names, in order.
    pub fn invalid_paths(&self) -> Vec<String> {
        self.problem(400);
        let errors = self.json()["errors"].as_array().unwrap().clone();
        let mut paths: Vec<_> = errors
            .iter()
            .map(|error| error["path"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    }
}

impl TestApp {
    /// An instance on an empty database.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// An instance with other settings, given as flags.
    pub async fn start_with(flags: &[&str]) -> Self {
        let database = servers().create_database().await;
        let prefix = format!("test-{}:", Uuid::new_v4().simple());
        Box::pin(Self::start_on(database, &prefix, flags)).await
    }

    /// Another instance beside this one: the same database, the same name space in Redis.
    pub async fn sibling(&self, flags: &[&str]) -> Self {
        let prefix = &self.settings.cache.redis_key_prefix;
        Box::pin(Self::start_on(self.database.clone(), prefix, flags)).await
    }

    async fn start_on(database: PgConnectOptions, prefix: &str, flags: &[&str]) -> Self {
        let (url, workers) = (database_url(&database), WORKERS.to_string());
        let defaults = [
            ("--host", "127.0.0.1"),
            ("--port", "0"),
            ("--http-workers", &workers),
            ("--database-url", &url),
            ("--redis-url", &servers().redis),
            ("--redis-key-prefix", prefix),
            // A busy machine is no outage, unless the test is about outages.
            ("--redis-timeout-ms", "1000"),
        ];
        let mut arguments = vec!["taskfleet", "serve"];
        for (flag, value) in defaults {
            if !flags.contains(&flag) {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(flags);
        let cli = Cli::read(arguments.into_iter().map(str::to_owned)).unwrap();
        let Role::Serve(settings) = cli.role else {
            panic!("not serve")
        };
        let application = Application::build(&settings).unwrap();
        let url = format!("http://{}", application.address());
        let instance = application.instance();
        rt::spawn(application.run());
        let db = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(database.clone());
        let client = Client::builder().no_proxy().build().unwrap();
        let app = Self {
            url,
            settings,
            instance,
            db,
            database,
            client,
        };
        // Where it can be: not without the primary's position.
        if !["--redis-url", "--database-url"]
            .iter()
            .any(|flag| flags.contains(flag))
        {
            app.redis_connected().await;
        }
        app
    }

    /// Waits until every worker uses Redis: each new connection goes to the next worker.
    pub async fn redis_connected(&self) {
        let in_a_row = Cell::new(0);
        wait_until("every worker uses Redis", async || {
            let client = Client::builder().no_proxy().build().unwrap();
            let ready = send(client.get(format!("{}/health/ready", self.url))).await;
            let connected = ready.json()["redis"] == "ok";
            in_a_row.set(if connected { in_a_row.get() + 1 } else { 0 });
            in_a_row.get() >= 2 * WORKERS
        })
        .await;
    }

    /// A request, to be sent with [`send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Writes a request and does not wait for its answer.
    pub async fn begin_get(&self, path: &str) -> Begun {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Begun(stream)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Sends a body as it is.
    pub async fn post_raw(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("content-type", content_type);
        send(request.body(body.into())).await
    }

    /// Adds a user without a password, around the API: hashing takes its time.
    pub async fn add_user(&self, name: &str) -> i64 {
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        sqlx::query_scalar("INSERT INTO users (name, email) VALUES ($1, $2) RETURNING id")
            .bind(name)
            .bind(email)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    /// Makes each commit that updates a task run this first, such as `pg_sleep(1)`.
    pub async fn delay_commits(&self, by: &str) {
        let sql = format!(
            "CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM {by}; RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER delayed AFTER UPDATE ON tasks
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delay()"
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.db)
            .await
            .unwrap();
    }

    /// Creates a category and returns its id.
    pub async fn create_category(&self, name: &str) -> i64 {
        self.post("/categories", json!({"name": name}))
            .await
            .data(201)["id"]
            .as_i64()
            .unwrap()
    }

    /// Creates a task and returns it.
    pub async fn create_task(&self, title: &str, user_id: i64) -> Value {
        self.post("/tasks", json!({"title": title, "userId": user_id}))
            .await
            .data(201)
    }

    /// The titles on a page of `/tasks`.
    pub async fn titles(&self, query: &str) -> Vec<String> {
        let data = self.get(&format!("/tasks{query}")).await.data(200);
        let titles = data.as_array().unwrap().iter();
        titles
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A request that was sent, and whose answer was not read yet.
pub struct Begun(TcpStream);

impl Begun {
    /// The answer, headers and all.
    pub async fn finish(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Sends a request and reads the answer to its end.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

fn database_url(database: &PgConnectOptions) -> String {
    database.to_url_lossy().to_string()
}
