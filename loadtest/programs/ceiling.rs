//! What `make bench` measures cached reads against: a server that answers every request with one
//! recorded response, from memory. As much actix-web, allocator and workers as the application has,
//! and nothing else: no cache, no log, no middleware.
//!
//! `ceiling FILE`: the file holds a response as `curl --include` prints it.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use mimalloc::MiMalloc;
use std::error::Error;
use std::str::from_utf8;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The headers that come from the application; NGINX and actix-web add the others again.
const TAKEN_OVER: [&str; 7] = [
    "cache-control",
    "content-type",
    "etag",
    "x-cache",
    "x-instance",
    "x-request-id",
    "x-served-from",
];

#[derive(Clone)]
struct Recorded {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Recorded {
    fn parse(response: Vec<u8>) -> Result<Self, Box<dyn Error>> {
        const END: &[u8] = b"\r\n\r\n";
        let response = Bytes::from(response);
        let end = response
            .windows(END.len())
            .position(|bytes| bytes == END)
            .ok_or("the file holds no HTTP response")?;
        let head = from_utf8(response.get(..end).unwrap_or_default())?;
        let mut headers = Vec::new();
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            let name = name.to_ascii_lowercase();
            if TAKEN_OVER.contains(&name.as_str()) {
                headers.push((name.parse()?, value.parse()?));
            }
        }
        let body = response.slice(end + END.len()..);
        Ok(Self { headers, body })
    }

    fn answer(&self) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(self.body.clone())
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: ceiling FILE")?;
    let recorded = Recorded::parse(std::fs::read(file)?)?;
    let mut server = HttpServer::new(move || {
        let recorded = recorded.clone();
        App::new().default_service(web::to(move || std::future::ready(recorded.answer())))
    });
    if let Ok(workers) = std::env::var("WORKERS") {
        server = server.workers(workers.parse()?);
    }
    server.bind(("0.0.0.0", 3000))?.run().await?;
    Ok(())
}
