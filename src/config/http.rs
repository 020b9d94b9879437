//! The settings of an instance's listener, name and shutdown.

use super::parsers::{instance_name, milliseconds, number, rule, seconds};
use clap::Args;
use std::net::IpAddr;
use std::thread::available_parallelism;
use std::time::Duration;

/// Where an instance listens and how it names itself.
#[derive(Clone, Debug, Args)]
pub struct HttpSettings {
    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1",
          value_parser = rule::<IpAddr>("an IP address, such as 127.0.0.1 or 0.0.0.0"))]
    pub host: IpAddr,
    /// The port to listen on; 0 for any that is free
    #[arg(long, env = "PORT", default_value_t = 3000, value_parser = number::<u16>(0..=65535))]
    pub port: u16,
    /// How many threads serve requests; left out, as many as there are cores
    #[arg(long, alias = "workers", env = "HTTP_WORKERS", value_parser = number::<usize>(1..=256))]
    pub http_workers: Option<usize>,
    /// The name of HTTP_WORKERS before, which still works where that is not set
    #[arg(long = "deprecated-workers", env = "WORKERS", value_name = "WORKERS", hide = true, value_parser = number::<usize>(1..=256))]
    pub workers: Option<usize>,
    /// The name of this instance, as it stands in X-Instance and in the log; left out, the host's
    #[arg(long, env = "INSTANCE", value_parser = instance_name)]
    pub instance: Option<String>,
    /// How long requests in flight may take to finish after SIGTERM, in seconds
    #[arg(long = "shutdown-timeout-seconds", env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "SHUTDOWN_TIMEOUT_SECONDS", default_value = "30",
          value_parser = seconds(1..=3600))]
    pub shutdown_timeout: Duration,
    /// How long answers carry `Connection: close` after SIGTERM before the listener closes, in
    /// milliseconds
    #[arg(long = "drain-ms", env = "DRAIN_MS", value_name = "DRAIN_MS", default_value = "1000", value_parser = milliseconds(0..=60_000))]
    pub drain: Duration,
}

impl HttpSettings {
    /// How many threads serve requests.
    pub fn worker_count(&self) -> usize {
        let named = self.http_workers.or(self.workers);
        named.unwrap_or_else(|| available_parallelism().map_or(1, |cores| cores.get()))
    }
}
