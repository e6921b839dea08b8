//! Binding ports: what is taken says so, what was bound is printed.

use std::io::Write;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why a port could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}; move it with --{setting} HOST:PORT (port 0 takes a free one)")]
pub struct ListenError {
    /// The flag that says where to listen, without its dashes.
    pub setting: &'static str,
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said. Part of the message, hence no source.
    pub error: std::io::Error,
}

/// Binds the TCP port of the setting of that name.
pub async fn tcp(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| ListenError {
        setting,
        address,
        error,
    })
}

/// Prints an address that was bound, for people and for whoever started this program.
pub fn announce(kind: &str, address: SocketAddr) {
    first_line(format_args!("listening {kind} {address}"));
}

/// Prints that the program is up: nothing more of its first lines follows.
pub fn ready() {
    first_line(format_args!("ready"));
}

/// Prints one of the first lines. Whoever closed standard output does not want them, which is no error.
pub fn first_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
