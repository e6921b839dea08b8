//! The swarm: TCP, noise and yamux; QUIC on the same port number; and the way through relays.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::swarm::{Config, SwarmEvent};
use libp2p::{PeerId, Swarm, SwarmBuilder, Transport, identity, noise, tcp, yamux};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use program::listen::ListenError;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use wire::key::SecretKey;

use super::address::{address_in, multiaddr_of, quic_of};
use super::driven::Driven;
use super::frames::Frames;
use super::{Behaviour, MAX_EXCHANGES, Meeting};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// How long a connection may take for its handshakes: no longer, so that a link that works again is tried again soon.
const HANDSHAKES: Duration = Duration::from_secs(3);

/// Substreams of one connection: `have`s, one `want`, one `done`, gossip, ping and identify, in both directions.
const MAX_STREAMS: u8 = 64;

/// What QUIC keeps of one connection and of one of its streams until it is read: a chunk fits.
const MAX_QUIC_BYTES: u32 = 8 << 20;
const MAX_QUIC_STREAM_BYTES: u32 = 5 << 20;

/// How long what was sent over TCP may go without the other side's word that it came.
const UNANSWERED: Duration = Duration::from_secs(5);

/// Neighbours stay connected, whether there is something to say or not.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// The system picks a TCP port without regard to UDP: so many are tried until both are free.
const PORTS_TRIED: usize = 8;

/// A swarm that listens, on TCP and QUIC alike. Its connections' tasks belong to `tasks` and end with it.
pub(in super::super) async fn open(
    secret: &SecretKey,
    address: SocketAddr,
    meeting: Meeting,
    tasks: &TaskTracker,
) -> Result<(Swarm<Behaviour>, SocketAddr), ListenError> {
    let (mut swarm, bound) = listen(secret, address, tasks).await?;
    let me = *swarm.local_peer_id();
    // On loopback there is no network to look at.
    if meeting.lan
        && !address.ip().is_loopback()
        && let Err(error) = swarm.behaviour_mut().look_on_lan(me)
    {
        warn!(%error, "cannot look for boxes on this network");
    }
    if meeting.relay {
        swarm.behaviour_mut().pass_on(me);
        if !address.ip().is_unspecified() {
            swarm.add_external_address(multiaddr_of(bound));
        }
    }
    Ok((swarm, bound))
}

/// A swarm that listens and meets whom trackers name.
pub(in super::super) async fn listen(
    secret: &SecretKey,
    address: SocketAddr,
    tasks: &TaskTracker,
) -> Result<(Swarm<Behaviour>, SocketAddr), ListenError> {
    let mut tried = 1;
    loop {
        match listen_once(secret, address, tasks).await {
            Err(Taken::Quic(_)) if address.port() == 0 && tried < PORTS_TRIED => tried += 1,
            Err(Taken::Tcp(error) | Taken::Quic(error)) => {
                return Err(ListenError {
                    setting: "p2p",
                    address,
                    error,
                });
            }
            Ok(listening) => return Ok(listening),
        }
    }
}

/// Which of the two was not to be had.
enum Taken {
    Tcp(std::io::Error),
    Quic(std::io::Error),
}

async fn listen_once(
    secret: &SecretKey,
    address: SocketAddr,
    tasks: &TaskTracker,
) -> Result<(Swarm<Behaviour>, SocketAddr), Taken> {
    // libp2p shares its port with whoever lets it: only an ordinary listener finds out whether it is taken.
    drop(std::net::TcpListener::bind(address).map_err(Taken::Tcp)?);
    let mut swarm = swarm(secret, address.ip(), tasks);
    swarm
        .listen_on(multiaddr_of(address))
        .map_err(|error| Taken::Tcp(std::io::Error::other(error)))?;
    let port = bound_port(&mut swarm).await.map_err(Taken::Tcp)?;
    let bound = SocketAddr::new(address.ip(), port);
    drop(std::net::UdpSocket::bind(bound).map_err(Taken::Quic)?);
    swarm
        .listen_on(quic_of(bound))
        .map_err(|error| Taken::Quic(std::io::Error::other(error)))?;
    Ok((swarm, bound))
}

async fn bound_port(swarm: &mut Swarm<Behaviour>) -> Result<u16, std::io::Error> {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => {
                if let Some(bound) = address_in(&address) {
                    return Ok(bound.port());
                }
            }
            SwarmEvent::ListenerError { error, .. }
            | SwarmEvent::ListenerClosed {
                reason: Err(error), ..
            } => return Err(error),
            _ => {}
        }
    }
}

/// A swarm that listens by QUIC alone.
#[cfg(test)]
pub(in super::super) async fn listen_by_quic(
    secret: &SecretKey,
    tasks: &TaskTracker,
) -> (Swarm<Behaviour>, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut swarm = swarm(secret, address.ip(), tasks);
    swarm.listen_on(quic_of(address)).expect("a port is free");
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            let port = address.iter().find_map(|part| match part {
                libp2p::multiaddr::Protocol::Udp(port) => Some(port),
                _ => None,
            });
            let port = port.expect("QUIC is over UDP");
            return (swarm, SocketAddr::from(([127, 0, 0, 1], port)));
        }
    }
}

fn multiplexer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_STREAMS.into());
    config
}

/// TCP, noise and yamux, each connection carried by one of `tasks`.
fn over_tcp(
    key: &identity::Keypair,
    tasks: &TaskTracker,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, BoxedError> {
    let tasks = tasks.clone();
    let authentic = noise::Config::new(key)?;
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(|stream, _| {
            give_up_in_time(&stream.0);
            Frames::new(stream)
        })
        .upgrade(Version::V1Lazy)
        .authenticate(authentic)
        .multiplex(multiplexer())
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(Driven::new(muxer, &tasks))))
        .boxed())
}

/// A connection whose link is broken ends. Otherwise what was sent into it would be sent again later and later, and even
/// its end would wait for that to arrive: whoever is there would not be dialled anew before.
fn give_up_in_time(stream: &TcpStream) {
    let millis = u32::try_from(UNANSWERED.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = setsockopt(stream, TcpUserTimeout, &millis) {
        debug!(%error, "a broken link will be noticed late");
    }
}

fn swarm(secret: &SecretKey, ip: IpAddr, tasks: &TaskTracker) -> Swarm<Behaviour> {
    let key = identity::Keypair::ed25519_from_bytes(secret.seed())
        .expect("32 bytes are the seed of an Ed25519 key, whatever they are");
    let connections = tasks.clone();
    let config = Config::with_executor(move |task| drop(connections.spawn(task)))
        .with_idle_connection_timeout(NEVER)
        .with_max_negotiating_inbound_streams(MAX_EXCHANGES);
    SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_quic_config(|mut config| {
            config.handshake_timeout = HANDSHAKES;
            config.max_concurrent_stream_limit = MAX_STREAMS.into();
            config.max_connection_data = MAX_QUIC_BYTES;
            config.max_stream_data = MAX_QUIC_STREAM_BYTES;
            config
        })
        .with_other_transport(|key| over_tcp(key, tasks))
        .expect("an Ed25519 key signs for noise")
        .with_relay_client(noise::Config::new, multiplexer)
        .expect("an Ed25519 key signs for noise")
        .with_behaviour(|key, relayed| Behaviour::new(key, relayed, !ip.is_loopback()))
        .expect("making the behaviour does not fail")
        .with_swarm_config(|_| config)
        .with_connection_timeout(HANDSHAKES)
        .build()
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_into_a_broken_link_is_given_up_in_time() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(
            getsockopt(&stream, TcpUserTimeout),
            Ok(0),
            "the system would try for minutes"
        );
        give_up_in_time(&stream);
        assert_eq!(getsockopt(&stream, TcpUserTimeout), Ok(5000));
    }
}
