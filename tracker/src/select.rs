//! Who serves whom. Everything here is pure: candidates in, choices out, chance as an argument.

mod assignment;
mod carriers;
mod health;
mod neighbours;
mod seeds;
mod shares;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use wire::id::BoxId;

pub use assignment::{Assignment, Bearer, Demand};
pub use carriers::Carriers;
pub use health::{Health, left_out};
pub use neighbours::{NEIGHBOURS, Neighbourhood, by_turns};
pub use seeds::seeds;

use crate::document::Place;
use crate::geography::Country;
use crate::reach::Network;

/// What an uplink is taken for when its box does not say.
const UNKNOWN_UPLINK: u64 = 10_000_000;

/// The most that an uplink is taken for: one that claims more draws no more viewers by it.
const MAX_UPLINK: u64 = 1_000_000_000;

/// Over this time after its first announcement a box grows into its full share of viewers.
const RAMP_MILLIS: u64 = 60_000;

/// The share of a box that has only just come.
const RAMP_START: f64 = 0.1;

/// A box that would take so many more viewers is drawn as often as its uplink allows; one with less room is drawn less often.
const ROOM_ENOUGH: u32 = 4;

/// Of its uplink a box is believed so many times what somebody saw of it: a chunk is over before a connection is at its full
/// speed, and others are served beside.
const BELIEVED: u64 = 3;

/// Boxes speak every 3 s: who did not for so long missed it twice.
const SILENT_MILLIS: u64 = 7_000;

/// A box without room that sends at more than this share of its uplink has nothing left for the next keyframe.
const FULL: f64 = 0.95;

/// Who is looking for a box.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newcomer {
    /// What it takes, in bits per second.
    pub bits_per_second: u64,
    /// Where it is, if that says anything.
    pub network: Option<Network>,
    /// The country that it is in, if that is known.
    pub country: Option<Country>,
}

impl From<u64> for Newcomer {
    /// One of whom nothing else is known.
    fn from(bits_per_second: u64) -> Self {
        Self {
            bits_per_second,
            ..Self::default()
        }
    }
}

/// A box that may be chosen.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The box.
    pub id: BoxId,
    /// How manifests name it, to everybody who is not beside it.
    pub place: Arc<Place>,
    /// What it says that it may send, in bits per second.
    pub uplink: u64,
    /// What was seen of that, by the tracker itself or by viewers who agree; 0 if nothing was.
    pub seen: u64,
    /// What it said that it sends, in bits per second.
    pub sending: u64,
    /// What this tracker sent its way since it said so, less what it sent away, in bits per second.
    pub handed: Arc<AtomicI64>,
    /// How long it has been there, in milliseconds.
    pub age: u64,
    /// How long ago it spoke, in milliseconds.
    pub silent: u64,
    /// How many more viewers it said that it would take.
    pub room: u32,
    /// Whether others say that it hands on what it takes.
    pub gives: bool,
    /// Where it is, if that says anything.
    pub network: Option<Network>,
    /// The country that it is in, if that is known.
    pub country: Option<Country>,
    /// How it does, as trackers saw.
    pub health: Health,
}

impl Candidate {
    /// Its uplink in bits per second, never zero and never beyond belief.
    fn uplink(&self) -> u64 {
        if self.uplink == 0 {
            UNKNOWN_UPLINK
        } else {
            self.uplink.min(MAX_UPLINK)
        }
    }

    /// What it may send as far as it is believed: where nobody saw anything of it, that is what any box may.
    pub fn believed(&self) -> u64 {
        let most = match self.seen {
            0 => UNKNOWN_UPLINK,
            seen => seen.saturating_mul(BELIEVED),
        };
        self.uplink().min(most)
    }

    /// How often it should be drawn.
    fn weight(&self) -> f64 {
        self.weight_if_healthy() * self.health.factor()
    }

    /// How often it should be drawn if it is not slow.
    #[expect(clippy::cast_precision_loss, reason = "a weight need not be exact")]
    fn weight_if_healthy(&self) -> f64 {
        let grown = self.age.min(RAMP_MILLIS) as f64 / RAMP_MILLIS as f64;
        let room = f64::from(self.room.min(ROOM_ENOUGH)) / f64::from(ROOM_ENOUGH);
        self.believed() as f64 * (RAMP_START + (1.0 - RAMP_START) * grown) * room
    }

    /// Whether viewers who do not have it yet may be sent to it: it asks for fewer before it has to refuse any.
    fn has_room(&self) -> bool {
        self.room > 0
    }

    /// Whether it is near somebody: in the same network, or in the same country.
    fn is_near(&self, newcomer: &Newcomer) -> bool {
        let same_network = self.network.is_some() && self.network == newcomer.network;
        same_network || (self.country.is_some() && self.country == newcomer.country)
    }

    /// Whether its viewers had better go before it fails them: it missed its time to speak twice, or it is full and has
    /// nothing left to send with.
    fn is_failing(&self) -> bool {
        self.silent >= SILENT_MILLIS || (!self.has_room() && self.share_of(self.uplink(), 0) > FULL)
    }

    /// Notes that this tracker sent a viewer of so many bits per second its way, or away.
    fn hand(&self, bits_per_second: u64, comes: bool) {
        let bits = i64::try_from(bits_per_second).unwrap_or(i64::MAX);
        self.handed
            .fetch_add(if comes { bits } else { -bits }, Ordering::Relaxed);
    }

    /// The share of its uplink in use if so much more came, as far as is known: what it said, what came to it since, and
    /// that. A box with a small uplink is idle until the one viewer comes that fills it.
    fn load_with(&self, more: u64) -> f64 {
        self.share_of(self.believed(), more)
    }

    /// What it sends, and so much more, as a share of that uplink.
    #[expect(clippy::cast_precision_loss, reason = "a load need not be exact")]
    fn share_of(&self, uplink: u64, more: u64) -> f64 {
        let handed = self.handed.load(Ordering::Relaxed);
        let sending = self.sending.saturating_add_signed(handed);
        sending.saturating_add(more) as f64 / uplink as f64
    }
}

#[cfg(test)]
pub(crate) fn candidate(n: u16, uplink: u64) -> Candidate {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    Candidate {
        id: BoxId::from_bytes(bytes),
        place: Arc::default(),
        uplink,
        seen: uplink,
        sending: 0,
        handed: Arc::default(),
        age: RAMP_MILLIS,
        silent: 0,
        room: u32::MAX,
        gives: false,
        network: None,
        country: None,
        health: Health::Fine,
    }
}
