//! Who serves whom. Everything here is pure: candidates in, choices out, chance as an argument.

mod carriers;
mod health;
mod neighbours;
mod seeds;
mod shares;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wire::id::BoxId;

pub use carriers::Carriers;
pub use health::{Health, left_out};
pub use neighbours::Neighbourhood;
pub use seeds::seeds;

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

/// A box that may be chosen.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The box.
    pub id: BoxId,
    /// What it may send, in bits per second.
    pub uplink: u64,
    /// What it said that it sends, in bits per second.
    pub sending: u64,
    /// What this tracker sent its way since it said so, in bits per second.
    pub handed: Arc<AtomicU64>,
    /// How long it has been there, in milliseconds.
    pub age: u64,
    /// How many more viewers it said that it would take.
    pub room: u32,
    /// Whether others say that it hands on what it takes.
    pub gives: bool,
    /// Where it is, if that says anything.
    pub network: Option<Network>,
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

    /// How often it should be drawn.
    fn weight(&self) -> f64 {
        self.weight_if_healthy() * self.health.factor()
    }

    /// How often it should be drawn if it is not slow.
    #[expect(clippy::cast_precision_loss, reason = "a weight need not be exact")]
    fn weight_if_healthy(&self) -> f64 {
        let grown = self.age.min(RAMP_MILLIS) as f64 / RAMP_MILLIS as f64;
        let room = f64::from(self.room.min(ROOM_ENOUGH)) / f64::from(ROOM_ENOUGH);
        self.uplink() as f64 * (RAMP_START + (1.0 - RAMP_START) * grown) * room
    }

    /// Whether viewers who do not have it yet may be sent to it: it asks for fewer before it has to refuse any.
    fn has_room(&self) -> bool {
        self.room > 0
    }

    /// The share of its uplink in use if so much more came, as far as is known: what it said, what came to it since, and
    /// that. A box with a small uplink is idle until the one viewer comes that fills it.
    #[expect(clippy::cast_precision_loss, reason = "a load need not be exact")]
    fn load_with(&self, more: u64) -> f64 {
        let handed = self.handed.load(Ordering::Relaxed);
        self.sending.saturating_add(handed).saturating_add(more) as f64 / self.uplink() as f64
    }
}

#[cfg(test)]
pub(crate) fn candidate(n: u16, uplink: u64) -> Candidate {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    Candidate {
        id: BoxId::from_bytes(bytes),
        uplink,
        sending: 0,
        handed: Arc::default(),
        age: RAMP_MILLIS,
        room: u32::MAX,
        gives: false,
        network: None,
        health: Health::Fine,
    }
}
