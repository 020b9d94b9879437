//! The client of a request: whether it is still connected.
//!
//! An instance that was frozen finds requests in its sockets that NGINX has long passed on to another
//! instance. Such a write, carried out now, would undo writes that were acknowledged since.

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::io::ErrorKind;
use std::net;
use std::os::fd::AsFd;
use std::sync::Arc;

/// The client of a request, known by the socket of its connection.
#[derive(Clone)]
pub(crate) struct Client(Arc<net::TcpStream>);

/// Keeps a second handle of each new connection's socket with the connection, so that [`Client`] can
/// look at it. To be called when the connection is made.
pub(crate) fn remember_client(socket: &dyn Any, connection: &mut Extensions) {
    let socket = socket.downcast_ref::<TcpStream>();
    // Where there are no more file descriptors, the client counts as connected.
    if let Some(Ok(handle)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) {
        connection.insert(Client(Arc::new(handle.into())));
    }
}

impl Client {
    /// Whether the client has closed its connection; false where that cannot be found out.
    pub(crate) fn is_disconnected(&self) -> bool {
        match self.0.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }
}
