//! The socket that an instance listens on, which can be closed so that no connection is lost.
//!
//! Closing a listening socket resets the connections that the kernel has made and nobody has
//! accepted yet. Their clients may have sent a request already, and cannot know whether it was
//! carried out. So new connections are kept away first, and the socket is closed once those that
//! are there have been accepted.

use socket2::Socket;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};

/// A second handle on a listening socket, beside that of the server which accepts from it.
pub(crate) struct ListenerHandle(Socket);

impl ListenerHandle {
    /// Listens there, on any free port if the port is 0. An error where the port is taken.
    pub(crate) fn bind(address: impl Into<SocketAddr>) -> io::Result<(TcpListener, Self)> {
        let listener = TcpListener::bind(address.into())?;
        let handle = Self(listener.try_clone()?.into());
        Ok((listener, handle))
    }

    /// Has the kernel make no connection any more; those that are made stay to be accepted. A client
    /// that connects now is not answered, and tries again or elsewhere.
    #[cfg(target_os = "linux")]
    pub(crate) fn ignore_new(&self) -> io::Result<()> {
        use socket2::SockFilter;

        // A program of the kernel's packet filter: a segment with SYN is dropped, every other one is
        // kept whole, among them the last one of a handshake that has begun.
        const FLAGS: u32 = 13;
        const SYN: u32 = 2;
        self.0.attach_filter(&[
            SockFilter::new(0x30, 0, 0, FLAGS), // load the byte of the TCP header that holds the flags
            SockFilter::new(0x45, 0, 1, SYN),   // with SYN: the next line; else the one after it
            SockFilter::new(0x06, 0, 0, 0),
            SockFilter::new(0x06, 0, 0, u32::MAX),
        ])
    }

    /// Other systems have no such filter: the few connections that are made before the socket is
    /// closed are lost there.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn ignore_new(&self) -> io::Result<()> {
        Ok(())
    }

    /// Closes the socket, whoever else has a handle on it: connections are refused from now on.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Both)
    }
}
