//! A TCP proxy in front of a server, which can hold up what is sent or lose its connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy.
pub struct Proxy {
    address: SocketAddr,
    rules: Arc<Rules>,
}

struct Rules {
    /// Where new connections lead; nowhere if `None`.
    upstream: Mutex<Option<String>>,
    hold: watch::Sender<Hold>,
    /// How many times something has been held.
    held: watch::Sender<usize>,
    /// Goes up when all connections are to be cut.
    cuts: watch::Sender<usize>,
}

/// What is held, with all that follows it in the same direction of the same connection.
#[derive(Clone, PartialEq)]
enum Hold {
    Nothing,
    /// What a client sends, from a chunk on that contains these bytes.
    Requests(Vec<u8>),
    /// What the server answers.
    Answers,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Hold {
    fn applies(&self, direction: Direction, chunk: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Requests(what) => {
                let contained = chunk.windows(what.len()).any(|part| part == what);
                direction == Direction::ToServer && contained
            }
            Self::Answers => direction == Direction::ToClient,
        }
    }
}

impl Proxy {
    /// A proxy in front of `upstream` (`HOST:PORT`).
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = Arc::new(Rules {
            upstream: Mutex::new(Some(upstream.to_owned())),
            hold: watch::Sender::new(Hold::Nothing),
            held: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
        });
        let accepted_rules = Arc::clone(&rules);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepted_rules).serve(client));
            }
        });
        Self { address, rules }
    }

    /// A proxy in front of the Redis of this run.
    pub async fn to_redis() -> Self {
        Self::start(super::servers().redis.trim_start_matches("redis://")).await
    }

    /// The URL of a Redis behind this proxy.
    pub fn redis_url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The port that the proxy listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on holds requests that contain these bytes, and what follows them.
    pub fn hold_requests(&self, what: &[u8]) {
        self.rules.held.send_replace(0);
        self.rules.hold.send_replace(Hold::Requests(what.to_vec()));
    }

    /// From now on holds answers.
    pub fn hold_answers(&self) {
        self.rules.held.send_replace(0);
        self.rules.hold.send_replace(Hold::Answers);
    }

    /// Waits until something is held.
    pub async fn held(&self) {
        self.rules
            .held
            .subscribe()
            .wait_for(|held| *held > 0)
            .await
            .unwrap();
    }

    /// Lets go of what is held, and holds no more.
    pub fn release(&self) {
        self.rules.hold.send_replace(Hold::Nothing);
    }

    /// Leads new connections elsewhere, and leaves those that are there.
    pub fn lead_new_to(&self, upstream: &str) {
        *self.rules.upstream.lock().unwrap() = Some(upstream.to_owned());
    }

    /// Leads new connections elsewhere, or refuses them, and cuts those that are there.
    pub fn lead_to(&self, upstream: Option<&str>) {
        *self.rules.upstream.lock().unwrap() = upstream.map(str::to_owned);
        self.rules.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Rules {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let upstream = self.upstream.lock().unwrap().clone();
        let Some(upstream) = upstream else { return };
        let Ok(server) = TcpStream::connect(upstream).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.forward(from_client, to_server, Direction::ToServer) => {}
            () = self.forward(from_server, to_client, Direction::ToClient) => {}
            _ = cuts.changed() => {}
        }
    }

    async fn forward(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: Direction) {
        let mut hold = self.hold.subscribe();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let chunk = &buffer[..length];
            if hold.borrow_and_update().applies(direction, chunk) {
                self.held.send_modify(|held| *held += 1);
                if hold.wait_for(|hold| *hold == Hold::Nothing).await.is_err() {
                    return;
                }
            }
            if to.write_all(chunk).await.is_err() {
                return;
            }
        }
    }
}
