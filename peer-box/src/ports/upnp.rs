//! Asking a router by `UPnP`, with `igd-next`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use igd_next::aio::Gateway;
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{AddPortError, PortMappingProtocol, SearchOptions};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tracing::debug;

use super::packet::Transport;
use super::router::Routers;
use super::{Granted, Port, Unmapped, Way};

/// A router that does not answer so soon is none.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the mapping is called in the router's own pages.
const DESCRIPTION: &str = "Boxmesh";

/// A router that speaks `UPnP`.
#[derive(Debug)]
pub(super) struct Router {
    gateway: Gateway<Tokio>,
    /// This machine, as the router sees it.
    client: Ipv4Addr,
}

impl Router {
    /// Calls for one.
    pub(super) async fn find(routers: &Routers) -> Option<Self> {
        let (bind_addr, broadcast_address) = routers.call();
        let options = SearchOptions {
            bind_addr,
            broadcast_address,
            timeout: Some(PATIENCE),
            single_search_timeout: Some(PATIENCE),
        };
        let gateway = match search_gateway(options).await {
            Ok(gateway) => gateway,
            Err(error) => {
                debug!(%error, "no router speaks UPnP");
                return None;
            }
        };
        // Anybody may answer a call; what the answer leads to is on this network or it is not asked.
        if !is_near(gateway.addr.ip()) {
            debug!("a router is said to be outside of this network");
            return None;
        }
        let client = local_address(gateway.addr).await?;
        Some(Self { gateway, client })
    }

    pub(super) async fn map(&self, port: Port, lifetime: Duration) -> Result<Granted, Unmapped> {
        let local = SocketAddr::from((self.client, port.number));
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let protocol = protocol(port.transport);
        let add = |seconds| {
            self.gateway
                .add_port(protocol, port.number, local, seconds, DESCRIPTION)
        };
        let added = async {
            match add(seconds).await {
                // Such routers forget nothing by themselves: it is taken back at the end.
                Err(AddPortError::OnlyPermanentLeasesSupported) => add(0).await,
                added => added,
            }
        };
        match timeout(PATIENCE, added).await {
            Err(_) => Err(Unmapped::Silent),
            Ok(Err(AddPortError::PortInUse)) => Err(Unmapped::Refused("the port is taken".into())),
            Ok(Err(error)) => Err(Unmapped::Refused(short(&error))),
            Ok(Ok(())) => {
                let external = timeout(PATIENCE, self.gateway.get_external_ip()).await;
                let external = external.ok().and_then(Result::ok);
                Ok(Granted { external, lifetime })
            }
        }
    }

    pub(super) async fn unmap(&self, port: Port) -> Result<(), Unmapped> {
        let removed = self.gateway.remove_port(protocol(port.transport), port.number);
        match timeout(PATIENCE, removed).await {
            Err(_) => Err(Unmapped::Silent),
            Ok(Err(error)) => Err(Unmapped::Refused(short(&error))),
            Ok(Ok(())) => Ok(()),
        }
    }
}

fn protocol(transport: Transport) -> PortMappingProtocol {
    match transport {
        Transport::Tcp => PortMappingProtocol::TCP,
        Transport::Udp => PortMappingProtocol::UDP,
    }
}

fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// The address that this machine speaks to the router from.
async fn local_address(router: SocketAddr) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    socket.connect(router).await.ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// What a router says, as much of it as belongs in a line.
fn short(error: &dyn std::error::Error) -> String {
    let text = format!("{} by {}", error, Way::Upnp);
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
