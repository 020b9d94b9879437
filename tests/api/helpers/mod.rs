//! What tests share: servers, instances of the application, a proxy that holds traffic up.

mod app;
mod collections;
mod proxy;
mod redis;
mod servers;

pub use app::{Answer, TestApp, send};
pub use collections::{Collection, collections, document};
pub use proxy::Proxy;
pub use redis::Redis;
pub use servers::servers;

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Waits until a condition holds, and fails where it does not within a generous deadline.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
