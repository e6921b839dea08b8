//! The mesh: chunks pass between this box and its neighbours, `have → want → here → done`.
//!
//! [`schedule`] and [`roster`] decide and are pure; [`node`] owns the swarm and does what they say; [`codec`]
//! and [`behaviour`] are what runs on a connection.

mod behaviour;
mod candidates;
mod codec;
mod early;
mod gossip;
mod handover;
mod hear;
mod meet;
mod node;
mod pacer;
mod parcel;
mod parcels;
mod places;
mod roster;
mod schedule;
mod talk;
#[cfg(test)]
mod tests;
mod tidings;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use libp2p::Swarm;
use program::lifecycle::Lifecycle;
use program::listen::ListenError;
use program::store::Store;
use program::window::SegmentName;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, info_span};
use wire::id::BoxId;
use wire::key::SecretKey;

use crate::budget::Uplink;
use crate::counts::Counts;
use crate::news::Following;
use crate::nudge::Nudge;
use crate::reports::Reports;
use behaviour::Behaviour;
pub(crate) use behaviour::Meeting;
use handover::Handover;
use hear::Hearing;
pub(crate) use hear::MAILBOX as NEWS_MAILBOX;
use meet::Meetings;
use node::{Leaving, Node};
pub(crate) use pacer::Pacer;
use roster::Roster;
use schedule::{Limits, Schedule};
use talk::Talks;

/// Wishes under way before who wishes has to wait.
const MAILBOX: usize = 64;

/// What others ask of the mesh.
enum Command {
    /// A viewer waits for this segment: is it promised?
    Wish(SegmentName, oneshot::Sender<bool>),
}

/// What the mesh takes from, and gives to, the rest of the box.
pub(crate) struct Surroundings {
    /// Where chunks are kept.
    pub(crate) store: Store,
    /// What the trackers told.
    pub(crate) news: Following,
    /// Asks the trackers when a key is not known here.
    pub(crate) nudge: Nudge,
    /// What may be sent.
    pub(crate) uplink: Uplink,
    /// What is counted.
    pub(crate) counts: Counts,
    /// Tells the trackers of neighbours that are banned.
    pub(crate) reports: Reports,
    /// News that origins told the feed.
    pub(crate) told: mpsc::Receiver<Bytes>,
}

/// A port for neighbours, bound and not yet served.
pub(crate) struct Bound {
    me: BoxId,
    swarm: Swarm<Behaviour>,
    address: SocketAddr,
}

/// The handle to the mesh. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Mesh {
    mailbox: mpsc::Sender<Command>,
    pacer: Pacer,
}

impl Bound {
    /// Binds the port.
    pub(crate) async fn listen(
        secret: &SecretKey,
        address: SocketAddr,
        meeting: Meeting,
        life: &Lifecycle,
    ) -> Result<Self, ListenError> {
        let (swarm, address) = behaviour::open(secret, address, meeting, &life.tasks).await?;
        let me = BoxId::of(&secret.public());
        Ok(Self { me, swarm, address })
    }

    /// Where neighbours connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the task. It ends at the stop of `life`.
    pub(crate) fn spawn(self, around: Surroundings, life: &Lifecycle) -> Mesh {
        let limits = Limits {
            upload_slots: around.uplink.rate().upload_slots(),
            uplink: around.uplink.rate().bytes_per_second(),
            ..Limits::default()
        };
        let control = self.swarm.behaviour().exchange.new_control();
        let pacer = Pacer::spawn(around.uplink.rate(), life);
        let handover = Handover::new(pacer.clone(), around.counts.clone(), life);
        let talks = Talks::new(control, handover.servant(), life);
        let node = Node {
            hearing: Hearing::new(around.told),
            leaving: Leaving::default(),
            meetings: Meetings::new(*self.swarm.local_peer_id(), Instant::now()),
            swarm: self.swarm,
            store: around.store,
            schedule: Schedule::new(limits, StdRng::from_rng(&mut rand::rng())),
            roster: Roster::new(self.me),
            random: StdRng::from_rng(&mut rand::rng()),
            next_choice: Instant::now() + node::CHOOSE_EVERY,
            news: around.news,
            nudge: around.nudge,
            uplink: around.uplink,
            counts: around.counts,
            reports: around.reports,
            peers: BTreeMap::new(),
            handover,
            parcels: parcels::Parcels::default(),
            waiting: BTreeMap::new(),
            talks,
            early: early::Early::default(),
            banned: VecDeque::new(),
        };
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        life.tasks.spawn(
            node.run(commands, life.stop.clone())
                .instrument(info_span!("mesh")),
        );
        Mesh { mailbox, pacer }
    }
}

impl Mesh {
    /// What viewers share the uplink by with neighbours.
    pub(crate) fn pacer(&self) -> Pacer {
        self.pacer.clone()
    }

    /// Fetches a segment that a viewer waits for before anything else. Whether a neighbour promised it.
    pub(crate) async fn wish(&self, name: SegmentName) -> bool {
        let (reply, promised) = oneshot::channel();
        if self.mailbox.send(Command::Wish(name, reply)).await.is_err() {
            return false;
        }
        tokio::select! {
            biased;
            promised = promised => promised.unwrap_or(false),
            // A wish that slips in just as the node ends is neither answered nor dropped.
            () = self.mailbox.closed() => false,
        }
    }
}
