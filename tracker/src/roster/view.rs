//! What viewers are answered from: immutable, shared, made anew after each change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use wire::announcement::{Reach, Seen};
use wire::audience::Audience;
use wire::id::{BoxId, ChannelName, TrackKind};
use wire::key::PublicKey;
use wire::presentation::State;
use wire::tracker_id::TrackerId;

use super::crews::Crews;
use super::giving::{self, Edge};
use super::room::Room;
use crate::document::Place;
use crate::orders::Orders;
use crate::registry::{BoxRecord, ChannelRecord, Verdict};
use crate::select::{Candidate, Carriers, Neighbourhood};
use crate::session::SessionKey;

/// So many boxes are many.
const MANY: usize = 500;

/// Who is there at a moment.
#[derive(Debug)]
pub struct View {
    /// The moment, in milliseconds since 1970.
    pub at: u64,
    /// The key of viewers' sessions.
    pub session_key: SessionKey,
    /// What this tracker, and those that share its registry, call themselves.
    pub tracker: TrackerId,
    /// Whether the registry is away.
    pub away: bool,
    /// Whether the registry has answered since the tracker started.
    pub ready: bool,
    /// The boxes that are alive.
    pub boxes: BTreeMap<BoxId, BoxView>,
    /// The channels, also those off air.
    pub channels: BTreeMap<ChannelName, ChannelView>,
    /// The boxes that others may be told of.
    pub neighbourhood: Neighbourhood,
    /// Which boxes carry which channels.
    pub crews: Crews,
    /// How many more boxes may come.
    pub room: Room,
    /// What operators ordered.
    pub orders: Arc<Orders>,
}

/// A box that is alive.
#[derive(Clone, Debug)]
pub struct BoxView {
    /// What it said last.
    pub record: Arc<BoxRecord>,
    /// What it is when somebody is to be sent to it.
    pub candidate: Candidate,
    /// Why viewers are not sent to it; nothing if they are.
    pub why: Option<String>,
    /// Whether it is left out for what it handed on: viewers are not sent to it, and other boxes are not told of it.
    pub is_ejected: bool,
    /// Which of its ports were reached.
    pub reach: Reach,
    /// What came of proving the address that it now has.
    pub verdict: Option<Arc<Verdict>>,
}

impl BoxView {
    /// When it was found where it says, if it was.
    pub fn proved_at(&self) -> Option<u64> {
        let found = self.verdict.as_ref().filter(|verdict| verdict.refusal.is_none());
        found.map(|verdict| verdict.at)
    }

    /// Whether an origin may push to it.
    pub fn may_seed(&self) -> bool {
        !self.is_ejected && self.reach.zmq.ok
    }

    /// Whether other boxes may connect to it, as far as is known. One that they cannot reach connects to them.
    pub fn may_be_dialled(&self) -> bool {
        !self.is_ejected && (self.reach.p2p.ok || self.reach.p2p == Seen::default())
    }
}

/// A channel.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// What its origin said last.
    pub record: Arc<ChannelRecord>,
    /// Whether it is on air: it has ended also when its origin fell silent.
    pub state: State,
    /// Whether viewers are given its documents: they are while it is on air, and for a while after its end.
    pub shown: bool,
    /// How manifests name its origin, to everybody who is not beside it.
    pub origin: Arc<Place>,
    /// The boxes for its viewers.
    pub carriers: Carriers,
    /// Who watches it, wherever from.
    pub audience: Audience,
    /// Changes after a view with news of the channel is there.
    pub news: watch::Receiver<()>,
}

impl View {
    /// Whether there are so many boxes that a view of them is made beside those who are answered meanwhile.
    pub fn is_large(&self) -> bool {
        self.boxes.len() >= MANY
    }

    /// Whether that key has been followed by another, and counts no longer at `now`.
    pub fn retired(&self, key: &PublicKey, now: u64) -> bool {
        self.channels
            .values()
            .any(|channel| channel.record.chain.retires(key, now))
    }

    /// Whether that box is alive, and left out for what it handed on.
    pub fn is_ejected(&self, id: &BoxId) -> bool {
        self.boxes.get(id).is_some_and(|alive| alive.is_ejected)
    }

    /// Whether a seed keeps to itself what it is given, by what others have; not by what those have that were found out.
    pub fn withholds(&self, seed: &BoxId, edge: Edge<'_>, found_out: &[BoxId]) -> bool {
        let gives = |alive: &BoxView| alive.candidate.gives;
        let is_to_carry = |alive: &BoxView| self.is_to_carry(edge.channel, alive);
        let witnesses = self.boxes.values().filter(|alive| is_to_carry(alive));
        let seed = self.boxes.get(seed);
        seed.is_some_and(|seed| !gives(seed) && giving::withholds(seed, witnesses, edge, found_out))
    }

    /// Whether a box takes in what there is of a channel.
    pub fn is_to_carry(&self, channel: &ChannelName, alive: &BoxView) -> bool {
        alive.record.announcement.takes(channel) && self.crews.has(channel, &alive.record.id)
    }

    /// The boxes that viewers, and origins, are sent to.
    pub fn listed(&self) -> impl Iterator<Item = &BoxView> {
        self.boxes.values().filter(|alive| alive.why.is_none())
    }
}

impl ChannelView {
    /// Whether it is on air.
    pub fn live(&self) -> bool {
        self.state.is_on_air()
    }

    /// What one viewer of the channel takes at most, in bits per second: one track of each kind.
    pub fn bits_per_viewer(&self) -> u64 {
        /// While the origin has not measured: a usual stream.
        const UNKNOWN: u64 = 3_000_000;
        let tracks = &self.record.presentation.tracks;
        let best = |kind| {
            let of_kind = tracks.iter().filter(|summary| summary.track.kind() == kind);
            of_kind.map(|summary| summary.bits_per_second).max().unwrap_or(0)
        };
        match best(TrackKind::Video).saturating_add(best(TrackKind::Audio)) {
            0 => UNKNOWN,
            bits => bits,
        }
    }
}
