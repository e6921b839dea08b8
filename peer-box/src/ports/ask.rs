//! Asking a gateway by UDP: a question is said again until it is answered, or in vain.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rand::RngExt;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::packet::{self, Answer, MAX_BYTES, NONCE_BYTES, PcpAnswer, Wish};
use super::{Granted, Port, Unmapped, Way};

/// How long each saying of a question waits for its answer (RFC 6886 §3.1 begins so).
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Packets that are no answer are passed over, so many for each saying.
const MAX_OTHERS: usize = 16;

/// A gateway that may hear us.
#[derive(Debug)]
pub(super) struct Gateway {
    socket: UdpSocket,
    /// This machine, as the gateway sees it.
    client: Ipv4Addr,
    /// Only who knows it may renew or take back what it was asked for with.
    nonce: [u8; NONCE_BYTES],
}

impl Gateway {
    pub(super) async fn at(address: SocketAddr) -> Result<Self, Unmapped> {
        let network = |error: std::io::Error| Unmapped::Network(error.to_string());
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
            .await
            .map_err(network)?;
        // From now on only that gateway's packets are heard.
        socket.connect(address).await.map_err(network)?;
        let IpAddr::V4(client) = socket.local_addr().map_err(network)?.ip() else {
            return Err(Unmapped::NotSpoken(Way::Pcp));
        };
        Ok(Self {
            socket,
            client,
            nonce: rand::rng().random(),
        })
    }

    /// Asks by PCP for a port, for so long; for no time to take it back.
    pub(super) async fn map_by_pcp(&self, port: Port, lifetime: Duration) -> Result<Granted, Unmapped> {
        let wish = wish(port, lifetime);
        let question = packet::pcp_map(wish, self.client, self.nonce);
        match self
            .ask(&question, |bytes| packet::read_pcp(bytes, wish, self.nonce))
            .await?
        {
            PcpAnswer::AnotherVersion => Err(Unmapped::NotSpoken(Way::Pcp)),
            PcpAnswer::Mapped(answer) => match answer.result {
                0 => granted(wish, answer),
                // It knows nothing of mapping, or not of asking for one number only.
                4 | 5 => Err(Unmapped::NotSpoken(Way::Pcp)),
                result => Err(Unmapped::Refused(packet::pcp_reason(result))),
            },
        }
    }

    /// Asks by NAT-PMP for a port, for so long; for no time to take it back.
    pub(super) async fn map_by_nat_pmp(&self, port: Port, lifetime: Duration) -> Result<Granted, Unmapped> {
        let wish = wish(port, lifetime);
        let question = packet::nat_pmp_map(wish);
        let answer = self
            .ask(&question, |bytes| packet::read_nat_pmp(bytes, wish))
            .await?;
        match answer.result {
            0 => {}
            1 | 5 => return Err(Unmapped::NotSpoken(Way::NatPmp)),
            result => return Err(Unmapped::Refused(packet::nat_pmp_reason(result))),
        }
        let granted = granted(wish, answer);
        match granted {
            Ok(granted) if wish.seconds > 0 => {
                let external = self.ask(&packet::NAT_PMP_ADDRESS, packet::read_nat_pmp_address);
                let external = external.await.ok().filter(|ip| !ip.is_unspecified());
                let external = external.map(IpAddr::from);
                Ok(Granted { external, ..granted })
            }
            Err(Unmapped::Elsewhere(_)) => {
                // Nobody would look there: it is given back.
                let back = packet::nat_pmp_map(Wish { seconds: 0, ..wish });
                let _ = self.ask(&back, |bytes| packet::read_nat_pmp(bytes, wish)).await;
                granted
            }
            granted => granted,
        }
    }

    async fn ask<T>(&self, question: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Result<T, Unmapped> {
        for patience in PATIENCE {
            // A gateway that has nothing at that port says so by a failure of the next call.
            if self.socket.send(question).await.is_err() {
                return Err(Unmapped::Silent);
            }
            match timeout(patience, self.hear(&read)).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => return Err(Unmapped::Silent),
                Err(_) => {}
            }
        }
        Err(Unmapped::Silent)
    }

    async fn hear<T>(&self, read: &impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut bytes = [0; MAX_BYTES + 1];
        for _ in 0..MAX_OTHERS {
            let count = self.socket.recv(&mut bytes).await.ok()?;
            if let Some(answer) = read(&bytes[..count]) {
                return Some(answer);
            }
        }
        None
    }
}

fn wish(port: Port, lifetime: Duration) -> Wish {
    Wish {
        transport: port.transport,
        port: port.number,
        seconds: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
    }
}

fn granted(wish: Wish, answer: Answer) -> Result<Granted, Unmapped> {
    if wish.seconds > 0 && answer.port != wish.port {
        return Err(Unmapped::Elsewhere(answer.port));
    }
    Ok(Granted {
        external: answer.external,
        lifetime: Duration::from_secs(answer.seconds.into()),
    })
}
