//! The socket that an instance listens on, which can be closed so that no connection is lost.
//!
//! Closing a listening socket resets the connections that the kernel has made and nobody has
//! accepted yet. Their clients may have sent a request already, and cannot know whether it was
//! carried out. So new connections are refused first, and the socket is closed once those that are
//! there have been accepted.

use socket2::Socket;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(target_os = "linux")]
use std::num::NonZeroU32;

/// A second handle on a listening socket, beside that of the server which accepts from it.
pub(crate) struct ListenerHandle(Socket);

impl ListenerHandle {
    /// Listens there, on any free port if the port is 0. An error where the port is taken.
    pub(crate) fn bind(address: impl Into<SocketAddr>) -> io::Result<(TcpListener, Self)> {
        let listener = TcpListener::bind(address.into())?;
        let handle = Self(listener.try_clone()?.into());
        Ok((listener, handle))
    }

    /// Has the kernel refuse new connections; those that are made stay to be accepted. An error where
    /// the kernel does not let a process do this (Linux before 5.7).
    ///
    /// Sockets have no such operation. So this one is bound to a network interface that does not
    /// exist: no new connection comes in through that. A handshake that has begun is finished.
    #[cfg(target_os = "linux")]
    pub(crate) fn refuse_new(&self) -> io::Result<()> {
        // The largest number that an interface can have; they are counted from 1.
        let none = NonZeroU32::new(i32::MAX.unsigned_abs());
        // (In spite of its name it is for IPv6 as well.)
        self.0.bind_device_by_index_v4(none)
    }

    /// Other systems have nothing like it: the connections that are made just before the socket is closed
    /// are lost there.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn refuse_new(&self) -> io::Result<()> {
        Ok(())
    }
}
