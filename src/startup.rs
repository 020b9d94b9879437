//! From settings to a running instance, the same way in production and in tests.

use crate::api::extract::client::remember_client;
use crate::app::instance::Instance;
use crate::app::peers::Peers;
use crate::app::primary::primary;
use crate::app::read::{ListFills, Reader};
use crate::app::state::AppState;
use crate::app::write::Writer;
use crate::auth::passwords::PasswordHasher;
use crate::cache::{self, Cache, Links};
use crate::config::ServeSettings;
use crate::db::Database;
use crate::listener::ListenerHandle;
use crate::middleware;
use crate::routes;
use crate::shutdown::{ShutdownSignal, shutdown_signal};
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Longer than a write and its announcement may take.
const WRITE_LIMIT: Duration = Duration::from_secs(7);

/// Longer than a client that has just connected takes to send its request.
const REQUEST_LIMIT: Duration = Duration::from_millis(300);

/// An instance that listens on its port, and answers once it is run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    listener: ListenerHandle,
    instance: Arc<Instance>,
    drain: Duration,
}

impl Application {
    /// An instance that listens, on any free port if the port is 0, and connects to Redis in the
    /// background and to PostgreSQL when it is first needed. An error where the port is taken.
    pub fn build(settings: &ServeSettings) -> io::Result<Self> {
        let http = &settings.http;
        let (socket, listener) = ListenerHandle::bind((http.host, http.port))?;
        let address = socket.local_addr()?;
        let name = http.instance.clone().unwrap_or_else(host_name);
        let instance = Arc::new(Instance::new(name, settings.log.app_env));
        let passwords = Arc::new(PasswordHasher::new());
        let workers = http.worker_count();

        let shared = Arc::clone(&instance);
        let (database, caching) = (
            Arc::new(Database::start(&settings.database).purge_expired()),
            settings.cache.clone(),
        );
        let bodies = cache::bodies(caching.cache_memory_mib * 1024 * 1024);
        let (links, fills) = (Arc::<Links>::default(), Arc::<ListFills>::default());
        let peers = Peers::start(&settings.database, database.questions(), Arc::clone(&links));
        let server = HttpServer::new(move || {
            let db = database.router(workers);
            let primary = primary(db.questions(), &peers);
            let cache = Cache::start(&caching, bodies.clone(), Arc::clone(&links), primary);
            let (db, cache) = (Rc::new(db), Rc::new(cache));
            let state = AppState {
                reader: Reader::new(Rc::clone(&db), Rc::clone(&cache), Arc::clone(&fills)),
                writer: Writer::new(db, cache, Arc::clone(&peers), Arc::clone(&shared.writes)),
                passwords: Arc::clone(&passwords),
                instance: Arc::clone(&shared),
            };
            App::new()
                .app_data(Data::new(state))
                .wrap(from_fn(middleware::wrap))
                .configure(routes::configure)
        })
        .on_connect(remember_client)
        .workers(workers)
        // Longer than NGINX keeps idle connections, so that it is never the server that closes one
        // just as NGINX sends a request on it.
        .keep_alive(Duration::from_secs(90))
        // Slow clients are NGINX's to end. The framework counts from a clock that it reads twice a
        // second: after an instance was frozen for longer than this, connections that were made
        // meanwhile would get a 408 (seen in the stack test with the default of 5 s).
        .client_request_timeout(Duration::from_secs(300))
        .shutdown_timeout(http.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(socket)?
        .run();
        Ok(Self {
            server,
            address,
            listener,
            instance,
            drain: http.drain,
        })
    }

    /// The socket address that the instance listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle that ends the server.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// The identity and state of this instance.
    pub fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.instance)
    }

    /// Serves until [`handle`](Self::handle) ends it.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }

    /// Serves until SIGTERM, with the drain of the settings, or SIGINT.
    pub async fn run_until_signalled(self) -> io::Result<()> {
        log::info!("listening on http://{}", self.address);
        let shutdown = end_on_signal(self.instance(), self.handle(), self.listener, self.drain);
        let shutdown = actix_web::rt::spawn(shutdown);
        self.server.await?;
        shutdown.await??;
        log::info!("ended");
        Ok(())
    }
}

/// Waits for SIGTERM or SIGINT, and then ends the server.
///
/// After SIGTERM, answers carry `Connection: close` for `drain`, so that NGINX lets go of its
/// connections, and `/health/ready` says 503; then new connections are refused and what is in flight is
/// finished. SIGINT skips the drain.
async fn end_on_signal(
    instance: Arc<Instance>,
    server: ServerHandle,
    listener: ListenerHandle,
    drain: Duration,
) -> io::Result<()> {
    let drain = match shutdown_signal().await? {
        ShutdownSignal::Terminate => drain,
        ShutdownSignal::Interrupt => Duration::ZERO,
    };
    instance.drain();
    log::info!(
        "ending: draining for {} ms, then finishing what is in flight",
        drain.as_millis()
    );
    sleep(drain).await;
    if let Err(error) = listener.refuse_new() {
        log::warn!(
            "the last connections may be lost, because the system cannot refuse them: {error}"
        );
    }
    // `stop` drops connections that the kernel has made and the server has not accepted, and those that
    // it has accepted and not read from. (`pause` would make the former more: the kernel goes on making
    // connections that nobody accepts any more.)
    sleep(REQUEST_LIMIT).await;
    // The server waits for connections, and a write whose client has left has none any more.
    _ = timeout(WRITE_LIMIT, instance.writes.none()).await;
    server.stop(true).await;
    Ok(())
}

/// The name of this host; in a container, the container's id unless another name was set.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
