//! From settings to a running instance, the same way in production and in tests.

use crate::cache::{self, Cache};
use crate::config::ServeSettings;
use crate::db::Database;
use crate::password::PasswordHasher;
use crate::state::{AppState, Instance};
use crate::{caller, middleware, routes, shutdown};
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

/// An instance that listens, and serves once it is run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    instance: Arc<Instance>,
    drain: Duration,
}

impl Application {
    /// Listens, on any free port if the port is 0, and begins to connect to Redis. PostgreSQL is
    /// connected to when it is first needed.
    pub fn build(settings: &ServeSettings) -> io::Result<Self> {
        let http = &settings.http;
        let listener = TcpListener::bind((http.host, http.port))?;
        let address = listener.local_addr()?;
        let name = http.instance.clone().unwrap_or_else(host_name);
        let instance = Arc::new(Instance::new(name, settings.log.app_env));
        let passwords = Arc::new(PasswordHasher::new());
        let workers = http
            .workers
            .unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get()));

        let shared = Arc::clone(&instance);
        let (database, caching) = (
            Arc::new(Database::start(&settings.database).keep_tidy()),
            settings.cache.clone(),
        );
        let bodies = cache::bodies(caching.cache_memory_mib * 1024 * 1024);
        let server = HttpServer::new(move || {
            let db = database.router(workers);
            let ask_position = Box::new(db.ask_position());
            let state = AppState {
                cache: Cache::start(&caching, bodies.clone(), ask_position),
                db,
                passwords: Arc::clone(&passwords),
                instance: Arc::clone(&shared),
            };
            App::new()
                .app_data(Data::new(state))
                .wrap(from_fn(middleware::frame))
                .configure(routes::configure)
        })
        .on_connect(caller::remember)
        .workers(workers)
        // Longer than NGINX keeps idle connections, so that it is never the server that closes one
        // just as NGINX sends a request on it.
        .keep_alive(Duration::from_secs(90))
        // Slow clients are NGINX's to end. The framework counts from a clock that it reads twice a
        // second: after an instance was frozen for longer than this, connections that were made
        // meanwhile would get a 408 (seen in the stack test with the default of 5 s).
        .client_request_timeout(Duration::from_secs(300))
        .shutdown_timeout(http.shutdown_timeout_seconds)
        .disable_signals()
        .listen(listener)?
        .run();
        Ok(Self {
            server,
            address,
            instance,
            drain: Duration::from_millis(http.drain_ms),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends it.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// What it knows of itself.
    pub fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.instance)
    }

    /// Serves until [`handle`](Self::handle) ends it.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }

    /// Serves until SIGTERM or SIGINT.
    pub async fn run_until_signalled(self) -> io::Result<()> {
        log::info!("listening on http://{}", self.address);
        let ending = shutdown::on_signal(self.instance(), self.handle(), self.drain);
        let ending = actix_web::rt::spawn(ending);
        self.server.await?;
        ending.await??;
        log::info!("ended");
        Ok(())
    }
}

/// The name of this host, which is a container's id where nothing else was said.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
