//! The libp2p node: TCP, noise, yamux; the exchange, identify and ping; places, and bans.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{Config, NetworkBehaviour, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, identity, noise, ping, tcp, yamux,
};
use program::listen::ListenError;
use tokio_util::task::TaskTracker;
use wire::exchange::PROTOCOL;
use wire::id::BoxId;
use wire::key::{PublicKey, SecretKey};

use super::codec::ExchangeCodec;
use super::places::Door;

/// How long a connection may take for its handshakes.
const HANDSHAKES: Duration = Duration::from_secs(5);

/// Substreams of one connection: `have`s, one `want`, one `done`, ping and identify, in both directions.
const MAX_STREAMS: usize = 48;
const MAX_EXCHANGES: usize = 32;

/// Longer than the schedule waits for anything: its own deadlines come first.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// How soon a neighbour that has vanished is missed.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Neighbours stay connected, whether there is something to say or not.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// What runs on each connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    banned: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) door: Door,
    pub(super) exchange: request_response::Behaviour<ExchangeCodec>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

impl Behaviour {
    fn new(key: &identity::Keypair) -> Self {
        let exchange = request_response::Config::default()
            .with_request_timeout(REQUEST_TIMEOUT)
            .with_max_concurrent_streams(MAX_EXCHANGES);
        let protocol = (StreamProtocol::new(PROTOCOL), ProtocolSupport::Full);
        let identify = identify::Config::new("/boxmesh/1".into(), key.public())
            .with_agent_version(concat!("boxmesh/", env!("CARGO_PKG_VERSION")).into())
            .with_cache_size(0);
        let ping = ping::Config::new()
            .with_interval(PING_EVERY)
            .with_timeout(PING_TIMEOUT);
        Self {
            banned: allow_block_list::Behaviour::default(),
            door: Door::default(),
            exchange: request_response::Behaviour::new([protocol], exchange),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
        }
    }

    /// Ends all connections with the peer and takes no further one.
    pub(super) fn ban(&mut self, peer: PeerId) {
        self.banned.block_peer(peer);
    }

    /// Lifts a ban.
    pub(super) fn forgive(&mut self, peer: PeerId) {
        self.banned.unblock_peer(peer);
    }
}

/// A swarm that listens. Its connections' tasks belong to `tasks` and end with it.
pub(super) async fn listen(
    secret: &SecretKey,
    address: SocketAddr,
    tasks: &TaskTracker,
) -> Result<(Swarm<Behaviour>, SocketAddr), ListenError> {
    let refused = |error| ListenError {
        setting: "p2p",
        address,
        error,
    };
    // libp2p shares its port with whoever lets it: only an ordinary listener finds out whether it is taken.
    drop(std::net::TcpListener::bind(address).map_err(refused)?);
    let mut swarm = swarm(secret, tasks);
    swarm
        .listen_on(multiaddr_of(address))
        .map_err(|error| refused(std::io::Error::other(error)))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address: bound, .. } => {
                let port = address_in(&bound).map_or(address.port(), |bound| bound.port());
                return Ok((swarm, SocketAddr::new(address.ip(), port)));
            }
            SwarmEvent::ListenerError { error, .. }
            | SwarmEvent::ListenerClosed {
                reason: Err(error), ..
            } => return Err(refused(error)),
            _ => {}
        }
    }
}

fn swarm(secret: &SecretKey, tasks: &TaskTracker) -> Swarm<Behaviour> {
    let key = identity::Keypair::ed25519_from_bytes(secret.seed())
        .expect("32 bytes are the seed of an Ed25519 key, whatever they are");
    let multiplexer = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        config
    };
    let tasks = tasks.clone();
    let config = Config::with_executor(move |task| drop(tasks.spawn(task)))
        .with_idle_connection_timeout(NEVER)
        .with_max_negotiating_inbound_streams(MAX_EXCHANGES);
    SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            noise::Config::new,
            multiplexer,
        )
        .expect("an Ed25519 key signs for noise")
        .with_behaviour(Behaviour::new)
        .expect("making the behaviour does not fail")
        .with_swarm_config(|_| config)
        .with_connection_timeout(HANDSHAKES)
        .build()
}

/// The libp2p name of the holder of a key.
pub(super) fn peer_of(key: &PublicKey) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(key.bytes()).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// The box behind a libp2p name. Such a name contains the key when that is an Ed25519 key, and others are no boxes'.
pub(super) fn box_of(peer: &PeerId) -> Option<BoxId> {
    let key = identity::PublicKey::try_decode_protobuf(peer.as_ref().digest()).ok()?;
    let key = key.try_into_ed25519().ok()?.to_bytes();
    PublicKey::from_bytes(&key).ok().map(|key| BoxId::of(&key))
}

fn multiaddr_of(address: SocketAddr) -> Multiaddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) => Protocol::Ip4(ip),
        IpAddr::V6(ip) => Protocol::Ip6(ip),
    };
    Multiaddr::empty().with(ip).with(Protocol::Tcp(address.port()))
}

/// The address in `/ip4/…/tcp/…` or `/ip6/…/tcp/…`; no other form is dialled.
pub(super) fn address_in(address: &Multiaddr) -> Option<SocketAddr> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boxs_id_follows_from_its_libp2p_name() {
        let key = SecretKey::from_seed([4; 32]).public();
        let peer = peer_of(&key).expect("an honest key");
        assert_eq!(box_of(&peer), Some(BoxId::of(&key)));
        assert_eq!(box_of(&PeerId::random()), None);
    }

    #[test]
    fn only_an_address_and_a_port_are_dialled() {
        let read = |text: &str| address_in(&text.parse().unwrap());
        assert_eq!(
            read("/ip4/192.0.2.7/tcp/8092"),
            Some("192.0.2.7:8092".parse().unwrap())
        );
        assert_eq!(
            read("/ip6/2001:db8::1/tcp/1"),
            Some("[2001:db8::1]:1".parse().unwrap())
        );
        for other in [
            "/dns4/a.example/tcp/1",
            "/ip4/192.0.2.7/udp/1",
            "/ip4/192.0.2.7/tcp/1/ws",
            "/tcp/1",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_refused_with_the_setting_that_moves_it() {
        let tasks = TaskTracker::new();
        let any = "127.0.0.1:0".parse().unwrap();
        let (_swarm, address) = listen(&SecretKey::from_seed([1; 32]), any, &tasks).await.unwrap();
        let error = listen(&SecretKey::from_seed([2; 32]), address, &tasks)
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("--p2p"), "{error}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
