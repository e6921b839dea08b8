//! How boxes meet beside by the trackers' lists: on one network, through the table that they keep together, and
//! through relays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::core::transport::ListenerId;
use libp2p::kad::{self, GetClosestPeersError, GetClosestPeersOk, QueryResult};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, autonat, identify, mdns, relay};
use tracing::{debug, info, warn};

use super::behaviour::{BehaviourEvent, KAD, address_in, box_of, dialled_addresses, ip_of, multiaddr_of};
use super::candidates::{Candidates, ENOUGH};
use super::node::Node;
use crate::reach::Seen;

/// Trackers of which nothing was heard for so long are away: then boxes find others by themselves.
const AWAY: Duration = Duration::from_secs(15);

/// How often others are looked for while there are too few.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How soon after a relay is lost, or was not to be had, another is asked.
const RELAY_AGAIN: Duration = Duration::from_secs(20);

/// Neighbours that offer to be relays, as far as they are remembered.
const MAX_RELAYS: usize = 8;

/// What is known of one connection.
#[derive(Debug)]
struct Way {
    peer: PeerId,
    /// Where this box dialled, if it did.
    dialled: Option<Multiaddr>,
    ip: Option<std::net::IpAddr>,
    is_relayed: bool,
}

/// How this box meets others.
#[derive(Debug)]
pub(super) struct Meetings {
    pub(super) candidates: Candidates,
    ways: BTreeMap<ConnectionId, Way>,
    next_look: Instant,
    relays: BTreeMap<PeerId, Multiaddr>,
    asked_relay: Option<ListenerId>,
    next_relay: Instant,
    /// Whether another box found this one at an address of its own.
    is_found: bool,
    is_server: bool,
}

impl Meetings {
    pub(super) fn new(me: PeerId, now: Instant) -> Self {
        Self {
            candidates: Candidates::new(me),
            ways: BTreeMap::new(),
            next_look: now + FIRST_LOOK,
            relays: BTreeMap::new(),
            asked_relay: None,
            next_relay: now,
            is_found: false,
            is_server: false,
        }
    }

    fn direct_ways(&self, peer: PeerId) -> impl DoubleEndedIterator<Item = (&ConnectionId, &Way)> {
        self.ways
            .iter()
            .filter(move |(_, way)| way.peer == peer && !way.is_relayed)
    }
}

impl Node {
    /// A connection has come about. Media never takes the way through a relay: such a connection is good for making a
    /// direct one, and then not needed.
    pub(super) async fn connected(&mut self, peer: PeerId, id: ConnectionId, point: &ConnectedPoint) {
        self.meetings.candidates.remove(peer);
        let address = match point {
            ConnectedPoint::Dialer { address, .. } => address,
            ConnectedPoint::Listener { send_back_addr, .. } => send_back_addr,
        };
        let way = Way {
            peer,
            dialled: point.is_dialer().then(|| without_peer(address)),
            ip: ip_of(address),
            is_relayed: point.is_relayed(),
        };
        let is_relayed = way.is_relayed;
        self.meetings.ways.insert(id, way);
        if is_relayed {
            debug!(%peer, "met through a relay");
            return;
        }
        let ways = self.meetings.ways.iter();
        let relayed: Vec<ConnectionId> = ways
            .filter(|(_, way)| way.peer == peer && way.is_relayed)
            .map(|(id, _)| *id)
            .collect();
        for relayed in relayed {
            info!(%peer, "a direct way was found from a relay's");
            self.swarm.close_connection(relayed);
        }
        if box_of(&peer).is_none_or(|id| !self.peers.contains_key(&id)) {
            self.joined(peer).await;
        }
    }

    /// A connection has ended. Who has no direct one left is no neighbour any more.
    pub(super) fn disconnected(&mut self, peer: PeerId, id: ConnectionId, cause: Option<&str>) {
        self.meetings.ways.remove(&id);
        if self.meetings.ways.values().all(|way| way.peer != peer) {
            self.meetings.relays.remove(&peer);
        }
        if self.meetings.direct_ways(peer).next().is_none() {
            self.left(peer, cause);
        }
    }

    /// Something happened that is not the exchange's.
    pub(super) fn met(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(
                identify::Event::Received {
                    connection_id,
                    peer_id,
                    info,
                }
                | identify::Event::Pushed {
                    connection_id,
                    peer_id,
                    info,
                },
            ) => self.identified(peer_id, connection_id, &info),
            BehaviourEvent::Lan(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.is_told_of(peer, without_peer(&address));
                }
            }
            BehaviourEvent::Table(kad::Event::OutboundQueryProgressed {
                result: QueryResult::GetClosestPeers(result),
                ..
            }) => {
                let (Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. })) =
                    result;
                for found in peers {
                    for address in found.addrs {
                        self.is_told_of(found.peer_id, without_peer(&address));
                    }
                }
            }
            BehaviourEvent::OthersAddresses(autonat::v2::server::Event {
                client, tested_addr, ..
            }) => self.hang_up(client, &tested_addr),
            BehaviourEvent::Relayed(relay::client::Event::ReservationReqAccepted {
                relay_peer_id,
                renewal: false,
                ..
            }) => {
                info!(relay = %relay_peer_id, "nobody can connect to this box; a relay tells it who would like to");
            }
            _ => {}
        }
    }

    /// Others can reach this box at that address: another box has tried.
    pub(super) fn is_found_at(&mut self, address: &Multiaddr) {
        if !super::behaviour::is_relayed(address) {
            debug!(%address, "found at this address by another box");
            self.meetings.is_found = true;
            self.note_reach();
        }
    }

    /// A listener has ended: the port's, or only the one at a relay.
    pub(super) fn listener_closed(&mut self, listener: ListenerId, reason: &Result<(), std::io::Error>) {
        if self.meetings.asked_relay == Some(listener) {
            debug!(?reason, "the relay is lost");
            self.meetings.asked_relay = None;
            self.meetings.next_relay = Instant::now() + RELAY_AGAIN;
        } else {
            warn!(?reason, "no neighbour can connect any more");
        }
    }

    /// The table is answered from here once others can reach this box.
    pub(super) fn note_reach(&mut self) {
        let is_server = self.meetings.is_found || self.news.borrow().reach.p2p.ok;
        if is_server != self.meetings.is_server {
            self.meetings.is_server = is_server;
            let mode = if is_server {
                kad::Mode::Server
            } else {
                kad::Mode::Client
            };
            self.swarm.behaviour_mut().table.kad.set_mode(Some(mode));
        }
    }

    /// Dials whom was found, looks for more when there are too few, and asks for a relay when nobody gets through.
    pub(super) fn meet(&mut self, now: Instant) {
        for (peer, address) in self.meetings.candidates.dials(now, self.peers.len()) {
            let options = dial_options(peer, &address);
            if let Err(error) = self.swarm.dial(options) {
                debug!(%error, "not dialled");
                self.meetings.candidates.unreachable(now, peer);
            }
        }
        if now >= self.meetings.next_look {
            self.meetings.next_look = now + LOOK_EVERY;
            let heard = self.news.borrow().as_of;
            let are_away = heard.is_none_or(|heard| now.saturating_duration_since(heard) >= AWAY);
            let looks = are_away && self.peers.len() < ENOUGH;
            let table = &mut self.swarm.behaviour_mut().table;
            table.may_dial(looks);
            if looks {
                table.kad.get_closest_peers(PeerId::random());
            }
        }
        self.ask_relay(now);
    }

    /// When [`Node::meet`] is worth calling again although nothing happened.
    pub(super) fn meets_at(&self) -> Option<Instant> {
        let candidates = self.meetings.candidates.wakes_at(self.peers.len());
        candidates.into_iter().chain([self.meetings.next_look]).min()
    }

    fn is_told_of(&mut self, peer: PeerId, address: Multiaddr) {
        if !self.swarm.is_connected(&peer) && !self.banned.contains(&peer) {
            self.meetings.candidates.add(peer, address);
        }
    }

    /// A peer told what it speaks and where it listens. It is believed the port, and the host that it is seen at.
    fn identified(&mut self, peer: PeerId, connection: ConnectionId, info: &identify::Info) {
        let seen_at = self.meetings.ways.get(&connection).and_then(|way| way.ip);
        let listens = info.listen_addrs.iter();
        let direct = seen_at
            .zip(listens.clone().find_map(address_in))
            .map(|(ip, mut said)| {
                said.set_ip(ip);
                multiaddr_of(said)
            });
        let through = listens
            .filter(|address| super::behaviour::relay_in(&without_peer(address)).is_some())
            .map(without_peer);
        let speaks = |name: &str| info.protocols.iter().any(|protocol| protocol.as_ref() == name);
        if speaks(relay::HOP_PROTOCOL_NAME.as_ref())
            && self.meetings.relays.len() < MAX_RELAYS
            && let Some(direct) = &direct
        {
            self.meetings.relays.insert(peer, direct.clone());
        }
        let table = &mut self.swarm.behaviour_mut().table.kad;
        // Who cannot be reached does not serve the table, and still is found in it by the way through its relay.
        for address in direct.filter(|_| speaks(KAD)).into_iter().chain(through.take(1)) {
            table.add_address(&peer, address);
        }
    }

    /// A client's address was tried, and the connection that came of it has served.
    fn hang_up(&mut self, client: PeerId, address: &Multiaddr) {
        let address = without_peer(address);
        let ways: Vec<_> = self.meetings.direct_ways(client).collect();
        let spare = ways
            .iter()
            .rev()
            .find(|(_, way)| way.dialled.as_ref() == Some(&address));
        if let Some((id, _)) = spare
            && ways.len() > 1
        {
            self.swarm.close_connection(**id);
        }
    }

    fn ask_relay(&mut self, now: Instant) {
        let is_closed = {
            let p2p = &self.news.borrow().reach.p2p;
            !p2p.ok && *p2p != Seen::default()
        };
        let meetings = &mut self.meetings;
        if !is_closed || meetings.is_found || meetings.asked_relay.is_some() || now < meetings.next_relay {
            return;
        }
        let Some((relay, address)) = meetings.relays.iter().next() else {
            return;
        };
        let way = address
            .clone()
            .with(Protocol::P2p(*relay))
            .with(Protocol::P2pCircuit);
        meetings.next_relay = now + RELAY_AGAIN;
        match self.swarm.listen_on(way) {
            Ok(listener) => meetings.asked_relay = Some(listener),
            Err(error) => debug!(%error, "not asked to relay"),
        }
    }
}

/// From a port of its own: two boxes that dial each other from their listening ports would meet in one connection
/// that both of them opened. One address after the other, TCP first.
pub(super) fn dial_options(peer: PeerId, address: &Multiaddr) -> DialOpts {
    DialOpts::peer_id(peer)
        .addresses(dialled_addresses(address))
        .override_dial_concurrency_factor(std::num::NonZeroU8::MIN)
        .allocate_new_port()
        .build()
}

/// An address without the name of who is there.
fn without_peer(address: &Multiaddr) -> Multiaddr {
    let mut short = address.clone();
    if matches!(short.iter().last(), Some(Protocol::P2p(_))) {
        short.pop();
    }
    short
}
