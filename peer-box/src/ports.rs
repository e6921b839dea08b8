//! Port mapping: asks the router to pass this box's ports on, if its owner said so with `--map-ports`.
//!
//! Routers hear PCP (RFC 6887), or NAT-PMP (RFC 6886) before it, or `UPnP`; the first that works is kept to. A port is
//! asked for under its own number, since that is what the box announces. What came of it is told in words; whether
//! anybody gets through is for the trackers to say ([`crate::reach`]).

mod ask;
mod packet;
mod router;
#[cfg(test)]
mod tests;
mod upnp;

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use program::lifecycle::Lifecycle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span, warn};

use ask::Gateway;
pub(crate) use packet::Transport;
pub(crate) use router::Routers;

/// For how long a mapping is asked. A box that is killed leaves it for no longer.
const LIFETIME: Duration = Duration::from_hours(2);

/// A mapping is renewed at half of what the router granted, and not oftener than this.
const SOONEST: Duration = Duration::from_secs(30);

/// After a failure the router is asked again.
const AGAIN: Duration = Duration::from_mins(5);

/// How long taking the mappings back may last: the program is about to end.
const GOODBYE: Duration = Duration::from_millis(2500);

/// A port of this box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// What it is for, in a word.
    pub(crate) name: &'static str,
    pub(crate) transport: Transport,
    pub(crate) number: u16,
}

/// How a router is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Pcp,
    NatPmp,
    Upnp,
}

/// What became of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) port: Port,
    pub(crate) state: State,
}

/// Whether the router passes a port on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does; at this address on the far side, if it told.
    Mapped(Way, Option<IpAddr>),
    /// It does not, for this reason.
    Refused(String),
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Port {
            name,
            transport,
            number,
        } = self.port;
        match &self.state {
            State::Mapped(way, Some(ip)) => {
                write!(
                    out,
                    "{name} port {number} ({transport}): the router passes it on from {ip} ({way})"
                )
            }
            State::Mapped(way, None) => {
                write!(
                    out,
                    "{name} port {number} ({transport}): the router passes it on ({way})"
                )
            }
            State::Refused(why) => write!(out, "{name} port {number} ({transport}): not passed on: {why}"),
        }
    }
}

/// What the router did; empty until it was asked.
pub(crate) type Mappings = watch::Receiver<Vec<Mapping>>;

/// Why a router does not pass a port on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unmapped {
    /// Nothing that speaks this way answers.
    #[error("no router answers")]
    Silent,
    /// It hears another version or way.
    #[error("the router does not speak {0}")]
    NotSpoken(Way),
    /// It said no.
    #[error("the router refuses: {0}")]
    Refused(String),
    /// It gave another number than the one that the box announces.
    #[error("the router has given the port to another machine and offers {0}")]
    Elsewhere(u16),
    /// It was not to be asked.
    #[error("the network failed: {0}")]
    Network(String),
}

impl Unmapped {
    /// Whether another way may do better.
    fn is_of_way(&self) -> bool {
        matches!(self, Self::Silent | Self::NotSpoken(_) | Self::Network(_))
    }
}

/// A mapping that a router granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Granted {
    external: Option<IpAddr>,
    lifetime: Duration,
}

/// The ports of a box; those that are only for this machine are left out.
pub(crate) fn of_box(http: SocketAddr, zmq: SocketAddr, p2p: SocketAddr) -> Vec<Port> {
    let port = |name, transport, address: SocketAddr| {
        (!address.ip().is_loopback()).then(|| Port {
            name,
            transport,
            number: address.port(),
        })
    };
    let ports = [
        port("viewers'", Transport::Tcp, http),
        port("origins'", Transport::Tcp, zmq),
        port("neighbours'", Transport::Tcp, p2p),
        port("neighbours'", Transport::Udp, p2p),
    ];
    ports.into_iter().flatten().collect()
}

/// Asks the routers for these ports until the stop of `life`, and takes that back then.
pub(crate) fn spawn(ports: Vec<Port>, routers: Routers, life: &Lifecycle) -> Mappings {
    let (tell, told) = watch::channel(Vec::new());
    let mapper = Mapper {
        ports,
        routers,
        way: None,
        tell,
    };
    life.tasks.spawn(
        mapper
            .run(life.stop.clone())
            .instrument(info_span!("port mapping")),
    );
    told
}

struct Mapper {
    ports: Vec<Port>,
    routers: Routers,
    /// The way that worked.
    way: Option<Spoken>,
    tell: watch::Sender<Vec<Mapping>>,
}

/// A router that answered, and how.
enum Spoken {
    Gateway(Way, Gateway),
    Upnp(upnp::Router),
}

impl Spoken {
    fn way(&self) -> Way {
        match self {
            Self::Gateway(way, _) => *way,
            Self::Upnp(_) => Way::Upnp,
        }
    }

    async fn map(&self, port: Port) -> Result<Granted, Unmapped> {
        match self {
            Self::Gateway(Way::Pcp, gateway) => gateway.map_by_pcp(port, LIFETIME).await,
            Self::Gateway(_, gateway) => gateway.map_by_nat_pmp(port, LIFETIME).await,
            Self::Upnp(router) => router.map(port, LIFETIME).await,
        }
    }

    async fn unmap(&self, port: Port) -> Result<(), Unmapped> {
        match self {
            Self::Gateway(Way::Pcp, gateway) => gateway.map_by_pcp(port, Duration::ZERO).await.map(drop),
            Self::Gateway(_, gateway) => gateway.map_by_nat_pmp(port, Duration::ZERO).await.map(drop),
            Self::Upnp(router) => router.unmap(port).await,
        }
    }
}

impl Mapper {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let pause = tokio::select! {
                () = stop.cancelled() => break,
                pause = self.map_all() => pause,
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
            }
        }
        if let Some(way) = &self.way {
            let back = async {
                for port in &self.ports {
                    if let Err(why) = way.unmap(*port).await {
                        info!(port = port.number, %why, "the router keeps a mapping until it runs out");
                    }
                }
            };
            let _ = timeout(GOODBYE, back).await;
        }
    }

    /// Asks for all ports; how long until they are to be asked for again.
    async fn map_all(&mut self) -> Duration {
        if self.way.is_none() {
            self.way = self.find().await;
        }
        let mut mappings = Vec::with_capacity(self.ports.len());
        let mut pause = renewed_after(LIFETIME);
        let mut failed = false;
        for port in self.ports.clone() {
            let state = match &self.way {
                None => State::Refused(Unmapped::Silent.to_string()),
                Some(way) => match way.map(port).await {
                    Ok(granted) => {
                        pause = pause.min(renewed_after(granted.lifetime));
                        State::Mapped(way.way(), granted.external)
                    }
                    Err(why) => {
                        failed |= why.is_of_way();
                        pause = pause.min(AGAIN);
                        State::Refused(why.to_string())
                    }
                },
            };
            mappings.push(Mapping { port, state });
        }
        if failed {
            // Another router may be there now.
            self.way = None;
        }
        self.say(mappings);
        if self.way.is_none() { AGAIN } else { pause }
    }

    /// Says what changed, and tells whoever follows.
    fn say(&self, mappings: Vec<Mapping>) {
        let before = self.tell.borrow().clone();
        for mapping in mappings.iter().filter(|mapping| !before.contains(mapping)) {
            match &mapping.state {
                State::Mapped(..) => info!("{mapping}"),
                State::Refused(_) => warn!("{mapping}"),
            }
        }
        self.tell.send_replace(mappings);
    }

    /// The first way in which a router answers at all.
    async fn find(&self) -> Option<Spoken> {
        let first = *self.ports.first()?;
        if let Some(address) = self.routers.gateway() {
            for way in [Way::Pcp, Way::NatPmp] {
                let Ok(gateway) = Gateway::at(SocketAddr::V4(address)).await else {
                    continue;
                };
                let spoken = Spoken::Gateway(way, gateway);
                match spoken.map(first).await {
                    Err(why) if why.is_of_way() => {}
                    _ => return Some(spoken),
                }
            }
        }
        let router = upnp::Router::find(&self.routers).await?;
        Some(Spoken::Upnp(router))
    }
}

/// When a mapping that was granted for so long is asked for again.
fn renewed_after(lifetime: Duration) -> Duration {
    (lifetime.min(LIFETIME) / 2).max(SOONEST)
}

/// The port of the protocols that gateways hear.
const GATEWAY_PORT: u16 = 5351;

fn gateway_at(ip: std::net::Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(ip, GATEWAY_PORT)
}
