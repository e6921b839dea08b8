//! Who makes room for whom, in memory and on disk.
//!
//! What is on disk is first let go of in memory, the longest unused before the rest: that costs nobody anything but time.
//! Then whole segments leave: of the channels that are asked for least, the oldest first, and of a newest epoch never the
//! edge. A chunk that would itself be the next to leave has no claim on anybody's room.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wire::chunk::{Chunk, ChunkRecord};
use wire::id::ChunkId;

use super::epoch::Oldest;
use super::segment::{self, Held};
use super::{Channel, Refused, Window};
use crate::disk::ChunkFile;

/// What holds a place: the lower leaves first. Its channel's rank, and its end by the origin's clock.
type Claim = (u32, Duration);

impl Window {
    /// Makes room in memory for a chunk, and lets go of a channel off the air if it takes that to admit another.
    pub(super) fn make_room(&mut self, chunk: &Chunk, now: SystemTime) -> Result<(), Refused> {
        if !self.channels.contains_key(&chunk.id().channel)
            && self.channels.len() >= self.limits.channels
            && let Some(name) = self.forgettable(now).cloned()
        {
            self.channels.remove(&name);
        }
        let room = self.limits.bytes.checked_sub(segment::cost(chunk));
        let room = room.ok_or(Refused::Full)?;
        let mut bytes = self.bytes();
        bytes -= self.cool(bytes.saturating_sub(room));
        if bytes <= room {
            return Ok(());
        }
        let claim = self.claim(chunk.record(), now);
        while bytes > room {
            let (its, victim) = self
                .next_to_leave(Some(chunk.record()), |_| true, now)
                .ok_or(Refused::Full)?;
            if its >= claim {
                return Err(Refused::Stale);
            }
            bytes -= victim.evict().0;
        }
        Ok(())
    }

    /// Makes room on disk for a chunk; whether there is any.
    pub(crate) fn make_room_on_disk(&mut self, chunk: &Chunk, now: SystemTime) -> bool {
        let Some(room) = self.limits.disk_bytes.checked_sub(chunk.bytes().len()) else {
            return false;
        };
        let mut bytes = self.disk_bytes();
        if bytes <= room {
            return true;
        }
        let claim = self.claim(chunk.record(), now);
        while bytes > room {
            let on_disk = |held: &Held| held.disk_bytes() > 0;
            match self.next_to_leave(Some(chunk.record()), on_disk, now) {
                Some((its, victim)) if its < claim => bytes -= victim.evict().1,
                _ => return false,
            }
        }
        true
    }

    /// A chunk has been written to disk. If it has left meanwhile, its file goes too.
    pub(crate) fn filed(&mut self, id: &ChunkId, file: Arc<ChunkFile>) {
        if let Some(held) = self.held_mut(id) {
            held.filed(id.index, file);
        }
    }

    /// A chunk has been read from disk: it stays in memory, if others that are used less can go.
    pub(crate) fn warmed(&mut self, chunk: Chunk) {
        let Some(room) = self.limits.bytes.checked_sub(segment::cost(&chunk)) else {
            return;
        };
        let over = self.bytes().saturating_sub(room);
        self.used(&chunk.id().clone());
        if self.cool(over) >= over
            && let Some(held) = self.held_mut(&chunk.id().clone())
        {
            held.warmed(chunk);
        }
    }

    /// A chunk could not be read from disk: it is here no more, and may come again.
    pub(crate) fn lost(&mut self, id: &ChunkId) {
        if let Some(held) = self.held_mut(id) {
            held.lost(id.index);
        }
    }

    /// Lets go of so many bytes in memory whose chunks are on disk, the longest unused first; how many those were.
    fn cool(&mut self, bytes: usize) -> usize {
        if bytes == 0 || self.limits.disk_bytes == 0 {
            return 0;
        }
        let all = self.channels.values_mut().flat_map(Channel::all_mut);
        let mut unused: Vec<&mut Held> = all.filter(|held| held.is_coolable()).collect();
        unused.sort_unstable_by_key(|held| held.used);
        let mut cooled = 0;
        for held in unused {
            if cooled >= bytes {
                break;
            }
            cooled += held.cool();
        }
        cooled
    }

    /// The segment that is next to leave among those that are `meant`, and its claim.
    fn next_to_leave(
        &mut self,
        coming: Option<&ChunkRecord>,
        meant: fn(&Held) -> bool,
        now: SystemTime,
    ) -> Option<(Claim, Oldest<'_>)> {
        let of_channels = self.channels.iter_mut().filter_map(|(name, channel)| {
            let rank = channel.demand.rank(now);
            let coming = coming.filter(|record| record.id.channel == *name);
            let oldest = channel.oldest(coming, meant)?;
            Some(((rank, oldest.end), oldest))
        });
        of_channels.min_by_key(|(claim, _)| *claim)
    }

    /// The claim of a chunk that comes.
    fn claim(&self, record: &ChunkRecord, now: SystemTime) -> Claim {
        let channel = self.channels.get(&record.id.channel);
        if record.id.is_init() || channel.is_none_or(|channel| channel.is_edge(record)) {
            return (u32::MAX, Duration::MAX);
        }
        let rank = channel.map_or(0, |channel| channel.demand.rank(now));
        (rank, segment::end_since_1970(record))
    }
}
