//! Going to a box's other ports: whether a connection comes about is all that is asked.
//!
//! The host is the one that the box speaks from, never one that it names: nobody can send the tracker to a third party.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::registry::PortVerdict;

/// An attempt takes no longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is found at these ports, tried at the same time.
pub(super) async fn try_all(host: IpAddr, ports: [u16; 2]) -> Vec<PortVerdict> {
    let [one, other] = ports.map(|port| try_one(SocketAddr::new(host, port)));
    let (one, other) = tokio::join!(one, other);
    vec![one, other]
}

async fn try_one(address: SocketAddr) -> PortVerdict {
    let refusal = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_connected)) => None,
        Ok(Err(error)) => Some(match error.kind() {
            ErrorKind::ConnectionRefused => format!("{address} refuses connections: nothing listens there"),
            _ => format!("{address} cannot be reached from the tracker: {error}"),
        }),
        Err(_) => Some(format!(
            "{address} does not answer within 3 seconds: a firewall, or a port that no router passes on"
        )),
    };
    PortVerdict {
        port: address.port(),
        refusal,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_open_port_and_a_closed_one_are_told_apart() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let [open_port, closed_port] = [&open, &closed].map(|listener| listener.local_addr().unwrap().port());
        drop(closed);
        let found = try_all(IpAddr::from([127, 0, 0, 1]), [open_port, closed_port]).await;
        assert_eq!((found[0].port, &found[0].refusal), (open_port, &None));
        let why = found[1].refusal.as_deref().unwrap();
        assert!(
            why.contains("refuses") && why.contains(&closed_port.to_string()),
            "{why}"
        );
    }
}
