//! Names and addresses as libp2p writes them.

use std::net::{IpAddr, SocketAddr};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, identity};
use wire::id::BoxId;
use wire::key::PublicKey;

/// No address that is kept is longer.
pub(in super::super) const MAX_ADDRESS_BYTES: usize = 160;

/// The libp2p name of the holder of a key.
pub(in super::super) fn peer_of(key: &PublicKey) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(key.bytes()).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// The box behind a libp2p name. Such a name contains the key when that is an Ed25519 key, and others are no boxes'.
pub(in super::super) fn box_of(peer: &PeerId) -> Option<BoxId> {
    let key = identity::PublicKey::try_decode_protobuf(peer.as_ref().digest()).ok()?;
    let key = key.try_into_ed25519().ok()?.to_bytes();
    PublicKey::from_bytes(&key).ok().map(|key| BoxId::of(&key))
}

/// The address as `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
pub(in super::super) fn multiaddr_of(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// The same number, as QUIC has it.
pub(super) fn quic_of(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip())
        .with(Protocol::Udp(address.port()))
        .with(Protocol::QuicV1)
}

/// The address in `/ip4/…/tcp/…` or `/ip6/…/tcp/…`; no other form is dialled.
pub(in super::super) fn address_in(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match (parts.next()?, parts.next()) {
        (Protocol::Tcp(port), None) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// What is dialled for an address: TCP, and QUIC at the same number when that fails, since it costs more.
pub(in super::super) fn dialled_addresses(address: &Multiaddr) -> Vec<Multiaddr> {
    let quic = address_in(address).map(quic_of);
    [address.clone()].into_iter().chain(quic).collect()
}

/// The number that an address begins with, if it does.
pub(in super::super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// Whether the way leads through a relay.
pub(in super::super) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The relay in `/ip4/…/tcp/…/p2p/RELAY/p2p-circuit[/p2p/BOX]`; no other form of a way through one is dialled.
pub(in super::super) fn relay_in(address: &Multiaddr) -> Option<PeerId> {
    let mut parts = address.iter();
    let head: Multiaddr = parts.by_ref().take(2).collect();
    address_in(&head)?;
    match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
        (Protocol::P2p(relay), Protocol::P2pCircuit, None | Some(Protocol::P2p(_)), None) => Some(relay),
        _ => None,
    }
}
