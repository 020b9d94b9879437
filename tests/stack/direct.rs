//! A way to each instance alone, past NGINX's round-robin.

use crate::http::{Answer, client, send};
use crate::stack::{Stack, docker, wait_until};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// An NGINX that sends `/ADDRESS/PATH` to the instance with that IP address. (A container's own address
/// cannot be reached from every host, a published port can.)
const CONFIGURATION: &str = "pid /tmp/pid; events {} http { access_log off; \
    server { listen 8080; location ~ ^/(?<address>[0-9.]+)(?<path>/.*)$ { \
    proxy_read_timeout 60s; \
    proxy_pass http://$address:3000$path$is_args$args; } } }";

/// A way into the system's network; removed with this value.
pub struct Direct {
    container: String,
    url: String,
    client: Client,
    addresses: BTreeMap<String, String>,
}

impl Direct {
    /// A way to each of the instances that there are now.
    pub async fn to_instances(stack: &Stack) -> Self {
        let container = format!("{}-direct", stack.project());
        let network = format!("{}_default", stack.project());
        let run = ["run", "--detach", "--rm", "--name", &container];
        let place = ["--network", &network, "--publish", "127.0.0.1::8080"];
        let script = r#"printf '%s' "$0" >/tmp/direct.conf && exec nginx -c /tmp/direct.conf -g 'daemon off;'"#;
        let command = ["nginx:1.30", "sh", "-c", script, CONFIGURATION];
        docker(&run, place.into_iter().chain(command)).await;
        let mut direct = Self {
            container,
            url: String::new(),
            client: client(),
            addresses: BTreeMap::new(),
        };
        let port = docker(&["port", &direct.container, "8080/tcp"], []).await;
        direct.url = format!("http://{}", port.lines().next().unwrap());
        for instance in stack.instances().await {
            let address = stack.address(&instance).await;
            direct.addresses.insert(instance, address);
        }
        wait_until("every instance can be reached alone", async || {
            let mut reached = 0;
            for instance in direct.addresses.keys() {
                let health = direct
                    .request(instance, Method::GET, "/health")
                    .send()
                    .await;
                reached += usize::from(health.is_ok_and(|answer| answer.status() == 200));
            }
            reached == direct.addresses.len()
        })
        .await;
        direct
    }

    /// The names of the instances.
    pub fn instances(&self) -> Vec<&str> {
        self.addresses.keys().map(String::as_str).collect()
    }

    /// The instance with this IP address.
    pub fn instance_at(&self, address: &str) -> &str {
        let mut all = self.addresses.iter();
        let found = all.find(|(_, its_address)| *its_address == address);
        found
            .unwrap_or_else(|| panic!("no instance has {address}"))
            .0
    }

    fn request(&self, instance: &str, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{}{path}", self.url, self.addresses[instance]);
        self.client.request(method, url)
    }

    pub async fn get(&self, instance: &str, path: &str) -> Answer {
        let answer = send(self.request(instance, Method::GET, path)).await;
        assert_eq!(answer.header("x-instance"), instance, "{answer:?}");
        answer
    }

    pub async fn put(&self, instance: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(instance, Method::PUT, path).json(body);
        let answer = send(request).await;
        assert_eq!(answer.header("x-instance"), instance, "{answer:?}");
        answer
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let remove = ["rm", "--force", "--volumes", &self.container];
        let output = Command::new("docker").args(remove).output();
        output.expect("docker removes what a test has made");
    }
}
