//! Which of the addresses that others see this box at is good: `AutoNAT`'s client, and what it is allowed to try.
//!
//! Neighbours say where they see this box, and may say anything. Each address is then tried with the help of another
//! box, which costs both of them. So only addresses of the internet are tried, and only so many of them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::task::{Context, Poll};

use libp2p::autonat::v2::client;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use super::address::{ip_of, is_relayed};

/// Addresses that are tried while the program runs.
pub(super) const MAX_TRIED: usize = 8;

pub(in super::super) struct OwnAddress {
    client: client::Behaviour,
    tried: HashSet<Multiaddr>,
}

impl OwnAddress {
    pub(super) fn new(client: client::Behaviour) -> Self {
        let tried = HashSet::new();
        Self { client, tried }
    }

    fn is_worth_trying(&mut self, address: &Multiaddr) -> bool {
        let is_of_internet = ip_of(address).is_some_and(is_of_internet) && !is_relayed(address);
        is_of_internet
            && (self.tried.contains(address)
                || self.tried.len() < MAX_TRIED && self.tried.insert(address.clone()))
    }
}

fn is_of_internet(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64;
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || is_shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

impl NetworkBehaviour for OwnAddress {
    type ConnectionHandler = <client::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = client::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.client
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.client
            .handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::NewExternalAddrCandidate(candidate) = &event
            && !self.is_worth_trying(candidate.addr)
        {
            return;
        }
        self.client.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.client.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<client::Event, THandlerInEvent<Self>>> {
        self.client.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_addresses_are_tried_and_only_those_of_the_internet() {
        let mut own = super::super::own_address();
        let mut tries = |text: &str| own.is_worth_trying(&text.parse().unwrap());
        for home in [
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/10.1.2.3/tcp/1",
            "/ip4/100.64.0.1/tcp/1",
            "/ip6/::1/tcp/1",
            "/ip6/fd00::1/udp/1/quic-v1",
            "/dns4/a.example/tcp/1",
        ] {
            assert!(!tries(home), "{home}");
        }
        for number in 0..MAX_TRIED {
            assert!(tries(&format!("/ip4/192.0.2.{number}/tcp/8092")));
        }
        assert!(!tries("/ip4/192.0.2.99/tcp/8092"));
        assert!(
            tries("/ip4/192.0.2.0/tcp/8092"),
            "what is tried already costs nothing"
        );
    }
}
