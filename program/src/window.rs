//! The window: what a program keeps of each channel, and what it will not take back.
//!
//! Pure: time is an argument, nothing is read or sent. A [`Window`] holds the last minute of every channel, by
//! the media time in the sealed records and not by when a chunk happened to arrive, and obeys four rules:
//!
//! - **Nothing goes back.** A name keeps its first bytes ([`Refused::Conflict`]), and what has left does not
//!   return ([`Refused::Stale`]). Staleness is told from the time in the record, so it outlives the chunks.
//! - **Nothing grows.** Bytes in memory, bytes on disk, channels and epochs are bounded; when bytes run out, the oldest
//!   segments of the channels that viewers ask for least leave first, and never the edge of a newest epoch.
//! - **Posters move nothing.** They are kept like segments, but only the newest few, and neither what else is kept nor
//!   what is whole goes by them.
//! - **One record does not move the window.** A genuine record may still say something absurd: an origin's
//!   clock, a bug. Nothing is allocated by number, a leap in time that outruns the clock is refused
//!   ([`Refused::TooFarAhead`]), and so is a segment number that cannot be at its time. An odd record costs its
//!   own bytes, never the channel's window.

mod channel;
mod demand;
mod epoch;
mod kept;
mod room;
#[cfg(test)]
pub(crate) mod samples;
mod segment;
mod taken_down;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wire::announcement::Carried;
use wire::chunk::{Chunk, ChunkRecord, Verified};
use wire::id::{ChannelName, ChunkId, Epoch};

use channel::Channel;
use epoch::EpochWindow;
pub use kept::Kept;
use segment::Held;
pub use segment::{Segment, SegmentName};
use taken_down::TakenDown;

/// How far ahead of this machine's clock a record may be. Wide: this clock may be the one that is wrong.
const CLOCK_SLACK: Duration = Duration::from_hours(24);

/// How much a window may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What is kept of an epoch, counted back from its newest chunk.
    pub keep: Duration,
    /// Bytes in memory of all chunks together, with an allowance for keeping the books of each.
    pub bytes: usize,
    /// Bytes on disk of all chunks together; none, where there is no disk for them.
    pub disk_bytes: usize,
    /// Channels.
    pub channels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep: Duration::from_mins(1),
            bytes: 512 << 20,
            disk_bytes: 0,
            channels: 64,
        }
    }
}

/// What became of a chunk, or would become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not here before.
    New,
    /// It was here, byte for byte.
    Duplicate,
}

/// Why a genuine chunk is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its segment, or its epoch, has left the window.
    #[error("it has left the window")]
    Stale,
    /// Its name is filled with other bytes, or its segment ended before it.
    #[error("its name is taken by other bytes")]
    Conflict,
    /// Its record is ahead of what can be by now.
    #[error("it is ahead of what the clock allows")]
    TooFarAhead,
    /// Its origin has taken its epoch down.
    #[error("its epoch was taken down")]
    TakenDown,
    /// The bounds leave no room for it.
    #[error("there is no room for it")]
    Full,
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopping,
}

impl Refused {
    /// The reason in one word, as it is told to the other side and counted.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Conflict => "conflict",
            Self::TooFarAhead => "unexpected",
            Self::TakenDown => "taken-down",
            Self::Full => "full",
            Self::Stopping => "stopping",
        }
    }
}

/// What is kept of every channel.
#[derive(Debug, Default)]
pub struct Window {
    limits: Limits,
    channels: BTreeMap<ChannelName, Channel>,
    /// Counts what is written and asked for: the time of a segment's last use.
    uses: u64,
    taken_down: TakenDown,
}

impl Window {
    /// An empty window.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            channels: BTreeMap::new(),
            uses: 0,
            taken_down: TakenDown::default(),
        }
    }

    /// Whether a chunk with this record is worth fetching: what [`Window::insert`] would say to it, room aside.
    pub fn judge(&self, record: &ChunkRecord, now: SystemTime) -> Result<Verdict, Refused> {
        if self.is_taken_down(&record.id.channel, record.id.epoch) {
            return Err(Refused::TakenDown);
        }
        match self.channels.get(&record.id.channel) {
            Some(channel) => channel.judge(record, now, self.limits.keep),
            None if self.channels.len() < self.limits.channels || self.forgettable(now).is_some() => {
                Channel::default().judge(record, now, self.limits.keep)
            }
            None => Err(Refused::Full),
        }
    }

    /// Keeps a chunk, and lets go of what its arrival has made old.
    pub fn insert(&mut self, chunk: Chunk, now: SystemTime) -> Result<Verdict, Refused> {
        let verdict = self.judge(chunk.record(), now)?;
        if verdict == Verdict::New {
            self.make_room(&chunk, now)?;
            let id = chunk.id().clone();
            let channel = self.channels.entry(id.channel.clone()).or_default();
            channel.insert(chunk, now, self.limits.keep);
            self.used(&id);
        }
        Ok(verdict)
    }

    /// Lets go of an epoch, by its origin's word, and takes nothing of it from now on.
    pub fn take_down(&mut self, channel: &ChannelName, epoch: Epoch) {
        self.taken_down.note(channel, epoch);
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.remove(epoch);
        }
    }

    /// Whether the epoch was taken down.
    pub fn is_taken_down(&self, channel: &ChannelName, epoch: Epoch) -> bool {
        self.taken_down.has(channel, epoch)
    }

    /// Lets go of what time alone has made old: epochs that another has followed, channels off the air.
    pub fn expire(&mut self, now: SystemTime) {
        for channel in self.channels.values_mut() {
            channel.expire(now, self.limits.keep);
        }
    }

    /// A viewer asks for that segment, or for a chunk of it.
    pub fn asked(&mut self, name: &SegmentName, now: SystemTime) {
        if let Some(channel) = self.channels.get_mut(&name.channel) {
            channel.demand.asked(now);
            self.used(&name.chunk(0));
        }
    }

    /// The chunk of that name.
    pub fn chunk(&self, id: &ChunkId) -> Option<&Kept> {
        self.epoch(&id.channel, id.epoch)?.chunk(id)
    }

    /// A segment: all of it, or its beginning as far as it is here without a gap.
    pub fn segment(&self, name: &SegmentName) -> Option<Segment<Kept>> {
        self.epoch(&name.channel, name.epoch)?
            .segment(name.track, name.number)
    }

    /// The newest chunk of the track that `name` is a segment of.
    pub fn newest_of_track(&self, name: &SegmentName) -> Option<&Kept> {
        self.epoch(&name.channel, name.epoch)?.newest_of_track(name.track)
    }

    /// Everything that is here: init segments first, then the newest segment first, each in its own order.
    pub fn held(&self) -> Vec<Verified> {
        let epochs = || self.channels.values().flat_map(Channel::epochs);
        let mut segments: Vec<_> = epochs().flat_map(EpochWindow::segments).collect();
        segments.sort_by_key(|segment| Reverse(segment.since_1970()));
        epochs()
            .flat_map(EpochWindow::inits)
            .chain(segments)
            .flat_map(Held::chunks)
            .map(|kept| kept.verified().clone())
            .collect()
    }

    /// Each channel's epoch, with the newest segment that is whole in all its tracks.
    pub fn carried(&self) -> Vec<Carried> {
        let newest = |(name, channel): (&ChannelName, &Channel)| {
            let (epoch, window) = channel.newest()?;
            Some(Carried {
                channel: name.clone(),
                epoch,
                newest: window.newest_whole()?,
            })
        };
        self.channels.iter().filter_map(newest).collect()
    }

    /// Bytes held in memory, bookkeeping included.
    pub fn bytes(&self) -> usize {
        self.channels.values().map(Channel::bytes).sum()
    }

    /// Bytes held on disk.
    pub fn disk_bytes(&self) -> usize {
        self.channels.values().map(Channel::disk_bytes).sum()
    }

    fn epoch(&self, channel: &ChannelName, epoch: Epoch) -> Option<&EpochWindow> {
        self.channels.get(channel)?.epoch(epoch)
    }

    fn held_mut(&mut self, id: &ChunkId) -> Option<&mut Held> {
        let channel = self.channels.get_mut(&id.channel)?;
        channel.epoch_mut(id.epoch)?.held_mut(id.track, id.segment)
    }

    fn used(&mut self, id: &ChunkId) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(held) = self.held_mut(id) {
            held.used = uses;
        }
    }

    /// The channel that has been off the air for longest, if for long enough to forget it.
    fn forgettable(&self, now: SystemTime) -> Option<&ChannelName> {
        let idle = self
            .channels
            .iter()
            .filter_map(|(name, channel)| Some((channel.off_air(now)?, name)));
        idle.max().map(|(_, name)| name)
    }
}

fn millis(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// How long ago `then` was; not at all, where the clock was set back.
fn elapsed(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}
