//! What runs on each connection: the exchange and the gossip, how boxes find each other and learn how they are reached,
//! places, and bans.

mod address;
mod driven;
mod frames;
mod limits;
mod own_address;
mod swarm;
mod table;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::time::Duration;

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, autonat, connection_limits, dcutr, identify, identity, kad, mdns,
    memory_connection_limits, ping, relay,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::gossip;
use super::places::Door;
pub(super) use address::{
    MAX_ADDRESS_BYTES, address_in, box_of, dialled_addresses, ip_of, is_relayed, multiaddr_of, peer_of,
    relay_in,
};
use own_address::OwnAddress;
pub(super) use swarm::open;
#[cfg(test)]
pub(super) use swarm::{listen, listen_by_quic};
use table::Table;

/// The name of the table by which boxes find each other when trackers are away.
pub(super) const KAD: &str = "/boxmesh/kad/1";

/// Wants under way on one connection, in each direction.
const MAX_EXCHANGES: usize = 32;

/// How soon a neighbour that has vanished is missed.
const PING_EVERY: Duration = Duration::from_millis(1500);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// Asking through the table takes no longer.
const LOOK_UP: Duration = Duration::from_secs(15);

/// Boxes of each distance in the table.
const MAX_OF_DISTANCE: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// How often an address that others see this box at is tried.
const TRY_ADDRESSES: Duration = Duration::from_secs(5);

/// How a box may be met beside by what trackers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// Whether it looks for boxes on its own network.
    pub(crate) lan: bool,
    /// Whether it passes on the first words of boxes that cannot be reached.
    pub(crate) relay: bool,
}

/// What runs on each connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    banned: allow_block_list::Behaviour<BlockedPeers>,
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(super) door: Door,
    /// What boxes say to each other, and the chunks that pass between them.
    pub(super) exchange: libp2p_stream::Behaviour,
    pub(super) gossip: gossip::Gossip,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(super) table: Table,
    pub(super) lan: Toggle<mdns::tokio::Behaviour>,
    own_address: Toggle<OwnAddress>,
    others_addresses: autonat::v2::server::Behaviour,
    relay: Toggle<relay::Behaviour>,
    relayed: relay::client::Behaviour,
    punch: dcutr::Behaviour,
}

impl Behaviour {
    /// For a box whose `is_public` tells that its port is not only for this machine.
    fn new(key: &identity::Keypair, relayed: relay::client::Behaviour, is_public: bool) -> Self {
        let me = key.public().to_peer_id();
        let identify = identify::Config::new("/boxmesh/1".into(), key.public())
            .with_agent_version(concat!("boxmesh/", env!("CARGO_PKG_VERSION")).into())
            .with_cache_size(0)
            // A way through a relay is told as soon as there is one.
            .with_push_listen_addr_updates(true);
        let ping = ping::Config::new()
            .with_interval(PING_EVERY)
            .with_timeout(PING_TIMEOUT);
        Self {
            banned: allow_block_list::Behaviour::default(),
            limits: limits::connections(),
            memory: limits::memory(),
            door: Door::default(),
            exchange: libp2p_stream::Behaviour::new(),
            gossip: gossip::behaviour(),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            table: table(me),
            lan: None.into(),
            own_address: is_public.then(own_address).into(),
            others_addresses: autonat::v2::server::Behaviour::new(StdRng::from_rng(&mut rand::rng())),
            relay: None.into(),
            relayed,
            punch: dcutr::Behaviour::new(me),
        }
    }

    /// Ends all connections with the peer and takes no further one.
    pub(super) fn ban(&mut self, peer: PeerId) {
        self.banned.block_peer(peer);
        self.table.kad.remove_peer(&peer);
    }

    /// Lifts a ban.
    pub(super) fn forgive(&mut self, peer: PeerId) {
        self.banned.unblock_peer(peer);
    }

    /// Looks for boxes on the networks that this machine is in.
    fn look_on_lan(&mut self, me: PeerId) -> std::io::Result<()> {
        let lan = mdns::tokio::Behaviour::new(mdns::Config::default(), me)?;
        self.lan = Some(lan).into();
        Ok(())
    }

    /// Passes on the first words of boxes that cannot be reached.
    fn pass_on(&mut self, me: PeerId) {
        let mut relay = relay::Behaviour::new(me, limits::relay());
        // Who runs one said so: it waits for nobody's word that it can be reached.
        relay.set_status(Some(relay::Status::Enable));
        self.relay = Some(relay).into();
    }
}

/// The table keeps where boxes are and nothing else, and answers only in a box that others can reach.
fn table(me: PeerId) -> Table {
    let mut config = kad::Config::new(StreamProtocol::new(KAD));
    config
        .set_query_timeout(LOOK_UP)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_kbucket_size(MAX_OF_DISTANCE)
        .set_caching(kad::Caching::Disabled)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_periodic_bootstrap_interval(None);
    let nothing = MemoryStoreConfig {
        max_records: 0,
        max_value_bytes: 0,
        max_providers_per_key: 0,
        max_provided_keys: 0,
    };
    let mut table = kad::Behaviour::with_config(me, MemoryStore::with_config(me, nothing), config);
    table.set_mode(Some(kad::Mode::Client));
    Table::new(table)
}

fn own_address() -> OwnAddress {
    let config = autonat::v2::client::Config::default()
        .with_max_candidates(own_address::MAX_TRIED)
        .with_probe_interval(TRY_ADDRESSES);
    OwnAddress::new(autonat::v2::client::Behaviour::new(
        StdRng::from_rng(&mut rand::rng()),
        config,
    ))
}
