//! What trackers know together: who is alive, what is on air, whose address is proved.
//!
//! All of it is soft. Everything that is written carries a number that only grows, so a replay
//! changes nothing, the order of arrival does not matter, and after a loss of all of it two
//! announcements bring it back.

mod memory;
mod record;
mod redis;
#[cfg(test)]
mod suite;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use wire::id::{BoxId, ChannelName};
use wire::key::PublicKey;

pub use memory::Memory;
pub use record::{BadRecord, BoxRecord, ChannelRecord, Heard, Past, PortVerdict, Silence, Verdict};
pub use redis::{BadRedisUrl, Redis, RedisUrl};

use crate::clock::SECOND;
use crate::orders::{About, Order, Orders};
use crate::session::SessionKey;

/// A box is alive for this long after its last announcement, in milliseconds.
pub const ALIVE: u64 = 10 * SECOND;

/// What is older than this is forgotten. Longer than [`ALIVE`], so that a goodbye outlives what was said before it.
pub const FORGET_BOXES: u64 = 60 * SECOND;

/// How long a channel that is off air stays known.
pub const FORGET_CHANNELS: u64 = 24 * 60 * 60 * SECOND;

/// The registry cannot be asked now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registry at {at} is away: {why}")]
pub struct Away {
    /// Where it should be.
    pub at: String,
    /// What happened.
    pub why: String,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the newest that is known of its box.
    Accepted,
    /// Something as new was known already, or a box that nobody knows said goodbye: nothing changed.
    Stale,
}

/// What became of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the newest that is known of its channel.
    Accepted,
    /// Something as new was known already: nothing changed.
    Stale,
    /// The channel belongs to this other key.
    Owned(PublicKey),
}

/// Everything that is known at a moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The boxes heard of lately, those that said goodbye among them.
    pub boxes: HashMap<BoxId, Arc<BoxRecord>>,
    /// The channels, also those off air.
    pub channels: HashMap<ChannelName, Arc<ChannelRecord>>,
    /// What came of proving these boxes' addresses.
    pub verdicts: HashMap<BoxId, Arc<Verdict>>,
    /// What operators ordered.
    pub orders: Orders,
}

/// Whether a channel stays with its `owner`, whose last record is `known`, when another key offers one.
pub(crate) fn keeps(
    owner: &PublicKey,
    known: Option<&ChannelRecord>,
    offered: &ChannelRecord,
    trusted: &[PublicKey],
) -> bool {
    let known = known.filter(|known| known.presentation.key == *owner);
    let still_trusted =
        || trusted.contains(owner) || known.is_some_and(|known| known.is_trusted(trusted, offered.heard.at));
    *owner != offered.presentation.key && !offered.chain.follows(owner) && still_trusted()
}

/// What a registry answers, in time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Away>> + Send + 'a>>;

/// Where trackers keep what they know.
pub trait Registry: Send + Sync {
    /// Records what a box said, unless as new a word of it is known.
    fn announce(&self, record: Arc<BoxRecord>) -> Answer<'_, Outcome>;

    /// Records what an origin said of a channel, unless as new a word is known. The channel then
    /// belongs to the origin's key; another one of the `trusted` keys cannot take it, unless it follows that key.
    fn present(&self, record: Arc<ChannelRecord>, trusted: Arc<[PublicKey]>) -> Answer<'_, Claim>;

    /// Records whether a box is where it says.
    fn judge(&self, id: BoxId, verdict: Arc<Verdict>) -> Answer<'_, ()>;

    /// Records what an operator ordered.
    fn order(&self, about: About, order: Order) -> Answer<'_, ()>;

    /// The key that all trackers share: the first that was offered since the registry was last empty.
    fn session_key(&self, offered: SessionKey) -> Answer<'_, SessionKey>;

    /// What is known at `now`, in milliseconds since 1970.
    fn snapshot(&self, now: u64) -> Answer<'_, Snapshot>;

    /// Forgets what is too old at `now`.
    fn sweep(&self, now: u64) -> Answer<'_, ()>;
}
