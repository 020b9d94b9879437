//! Whether whoever sent a request still waits for its answer.
//!
//! An instance that was frozen finds requests in its sockets that NGINX has long passed on to another
//! instance. Carried out now, such a write would undo what was acknowledged since.

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::io::ErrorKind;
use std::net;
use std::os::fd::AsFd;

/// The other end of a connection, kept with the connection.
struct Caller(net::TcpStream);

/// Keeps a second handle of each new connection's socket, to look at it when it matters.
pub fn remember(socket: &dyn Any, connection: &mut Extensions) {
    let socket = socket.downcast_ref::<TcpStream>();
    // Without it, where there are no more handles, the caller counts as there.
    if let Some(Ok(handle)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) {
        connection.insert(Caller(handle.into()));
    }
}

/// Whether the caller has closed the connection.
pub fn has_gone(request: &HttpRequest) -> bool {
    let Some(Caller(socket)) = request.conn_data() else {
        return false;
    };
    match socket.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
