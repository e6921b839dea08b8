//! What a connection runs over: plain TCP, TLS, or a pipe in a test.

use nix::libc;
use nix::sys::socket::setsockopt;
use nix::{setsockopt_impl, sockopt_impl};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// More than the header of a chunk that has no message stream id of its own (RTMP 1.0 §5.3.1.2.2, 1 + 7 bytes), which is what
/// goes before each picture and sound; less than a ping with any header but the shortest.
const MORE_THAN_A_HEADER: usize = 9;

sockopt_impl!(
    /// How many bytes have to be there before a socket is said to be readable.
    WorthReading,
    SetOnly,
    libc::SOL_SOCKET,
    libc::SO_RCVLOWAT,
    usize
);

/// A line to an encoder.
pub(super) trait Line: AsyncRead + AsyncWrite + Unpin {
    /// From now on a chunk's header alone wakes nobody. ffmpeg, and who is built on it, writes each header by itself, which
    /// would make two awakenings of every picture.
    fn doze(&self) {}
}

impl Line for TcpStream {
    fn doze(&self) {
        // It is as well without.
        if let Err(error) = setsockopt(self, WorthReading, &MORE_THAN_A_HEADER) {
            debug!(%error, "the connection wakes at every header");
        }
    }
}

/// Records come whole.
impl Line for TlsStream<TcpStream> {}

#[cfg(test)]
impl Line for tokio::io::DuplexStream {}
