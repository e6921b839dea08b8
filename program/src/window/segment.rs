//! One segment: its chunks as they come, in whatever order.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wire::chunk::{Chunk, ChunkRecord, HASH_BYTES};
use wire::id::{ChannelName, ChunkId, Epoch, TrackId};

use super::kept::Kept;
use super::{Refused, Verdict};
use crate::disk::ChunkFile;

/// What keeping the books of a chunk costs, about: many tiny chunks must not hide behind their bytes.
const BOOKKEEPING_BYTES: usize = 1024;

/// The name of a segment: what a player asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SegmentName {
    /// The channel.
    pub channel: ChannelName,
    /// Its epoch.
    pub epoch: Epoch,
    /// The track.
    pub track: TrackId,
    /// The segment, counted from 1; 0 is the init segment.
    pub number: u32,
}

impl SegmentName {
    /// The name of one of its chunks.
    pub fn chunk(&self, index: u16) -> ChunkId {
        let Self {
            channel,
            epoch,
            track,
            number,
        } = self;
        ChunkId {
            channel: channel.clone(),
            epoch: *epoch,
            track: *track,
            segment: *number,
            index,
        }
    }
}

/// A segment as far as it is here: its chunks from the first on, without a gap.
#[derive(Clone, Debug)]
pub struct Segment<C = Chunk> {
    chunks: Vec<C>,
    whole: bool,
    hash: Arc<OnceLock<[u8; HASH_BYTES]>>,
}

impl<C> Segment<C> {
    /// Its chunks, in order.
    pub fn chunks(&self) -> &[C] {
        &self.chunks
    }

    /// Whether these are all its chunks.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

impl Segment<Kept> {
    /// The same segment of those of its chunks that could be read: the first ones, without a gap.
    pub(crate) fn of(self, chunks: Vec<Chunk>) -> Segment {
        Segment {
            whole: self.whole && chunks.len() == self.chunks.len(),
            chunks,
            hash: self.hash,
        }
    }
}

impl Segment {
    /// Its size so far.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes().len() as u64).sum()
    }

    /// SHA-256 of a whole segment; computed when it is first asked for, once for all who ask.
    pub fn hash(&self) -> Option<[u8; HASH_BYTES]> {
        let hash = || {
            let hash = self
                .chunks
                .iter()
                .fold(Sha256::new(), |hash, chunk| hash.chain_update(chunk.bytes()));
            hash.finalize().into()
        };
        self.whole.then(|| *self.hash.get_or_init(hash))
    }

    /// The bytes that travel, chunk by chunk.
    pub fn frames(&self) -> impl Iterator<Item = Bytes> {
        self.chunks.iter().map(|chunk| chunk.bytes().clone())
    }
}

/// From when to when media lasts, from the start of its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Duration,
    pub(super) end: Duration,
}

impl Span {
    pub(super) fn of(record: &ChunkRecord) -> Self {
        let start = media_time(record.time, record.timescale);
        Self {
            start,
            end: start.saturating_add(media_time(record.duration.into(), record.timescale)),
        }
    }
}

/// A segment as the window holds it: its chunks, each in its place.
#[derive(Debug)]
pub(super) struct Held {
    epoch: Epoch,
    pub(super) span: Span,
    chunks: Vec<Option<Kept>>,
    /// How many chunks it has, once the last one is here.
    count: Option<usize>,
    /// Bytes in memory, with what keeping the books takes, and on disk.
    bytes: usize,
    disk_bytes: usize,
    /// When it was last written to or asked for, in the window's own count.
    pub(super) used: u64,
    hash: Arc<OnceLock<[u8; HASH_BYTES]>>,
}

impl Held {
    pub(super) fn begin(epoch: Epoch, span: Span) -> Self {
        Self {
            epoch,
            span,
            chunks: Vec::new(),
            count: None,
            bytes: 0,
            disk_bytes: 0,
            used: 0,
            hash: Arc::default(),
        }
    }

    pub(super) fn judge(&self, record: &ChunkRecord) -> Result<Verdict, Refused> {
        let index = usize::from(record.id.index);
        match self.chunks.get(index).and_then(Option::as_ref) {
            Some(kept) if kept.record() == record => Ok(Verdict::Duplicate),
            Some(_) => Err(Refused::Conflict),
            // A segment ends once, and nothing is behind its end.
            None if self.count.is_some_and(|count| record.last || index >= count) => Err(Refused::Conflict),
            None if record.last && index < self.chunks.len() => Err(Refused::Conflict),
            None => Ok(Verdict::New),
        }
    }

    /// Keeps a chunk that [`Held::judge`] found new.
    pub(super) fn insert(&mut self, chunk: Chunk, span: Span) {
        let index = usize::from(chunk.id().index);
        self.span = Span {
            start: self.span.start.min(span.start),
            end: self.span.end.max(span.end),
        };
        if chunk.record().last {
            self.count = Some(index + 1);
        }
        self.bytes += cost(&chunk);
        // Short: a record whose index reaches MAX_CHUNKS_PER_SEGMENT does not open.
        if self.chunks.len() <= index {
            self.chunks.resize(index + 1, None);
        }
        self.chunks[index] = Some(Kept::of(chunk));
    }

    /// A chunk is on disk too. Whether it was still here.
    pub(super) fn filed(&mut self, index: u16, file: Arc<ChunkFile>) -> bool {
        let Some(kept) = self.place(index) else {
            return false;
        };
        let size = file.size();
        let is_new = kept.file(file);
        self.disk_bytes += if is_new { size } else { 0 };
        is_new
    }

    /// The bytes of a chunk that is on disk are in memory again.
    pub(super) fn warmed(&mut self, chunk: Chunk) {
        let index = chunk.id().index;
        if let Some(kept) = self.place(index) {
            self.bytes += kept.warm(chunk);
        }
    }

    /// Lets go of what is in memory of chunks that are on disk; the bytes that it took.
    pub(super) fn cool(&mut self) -> usize {
        let cooled = self.chunks.iter_mut().flatten().map(Kept::cool).sum();
        self.bytes -= cooled;
        cooled
    }

    /// Whether [`Held::cool`] would give anything back.
    pub(super) fn is_coolable(&self) -> bool {
        self.chunks().any(Kept::is_in_both)
    }

    /// A chunk could not be read from disk: it is here no more, unless it is in memory.
    pub(super) fn lost(&mut self, index: u16) {
        let place = self.chunks.get_mut(usize::from(index));
        let Some(place) = place.filter(|place| place.as_ref().is_some_and(|kept| kept.chunk().is_none()))
        else {
            return;
        };
        let Some(lost) = place.take() else { return };
        self.disk_bytes -= lost.disk_bytes();
        self.bytes -= BOOKKEEPING_BYTES;
        // As if it had never come.
        if lost.record().last {
            self.count = None;
        }
        while self.chunks.pop_if(|place| place.is_none()).is_some() {}
        self.hash = Arc::default();
    }

    fn place(&mut self, index: u16) -> Option<&mut Kept> {
        self.chunks.get_mut(usize::from(index))?.as_mut()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.count.is_some_and(|count| self.chunks().count() == count)
    }

    pub(super) fn chunk(&self, index: u16) -> Option<&Kept> {
        self.chunks.get(usize::from(index))?.as_ref()
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Kept> {
        self.chunks.iter().flatten()
    }

    pub(super) fn segment(&self) -> Segment<Kept> {
        let chunks: Vec<_> = self.chunks.iter().map_while(Option::clone).collect();
        let whole = self.count == Some(chunks.len());
        Segment {
            chunks,
            whole,
            hash: Arc::clone(&self.hash),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn disk_bytes(&self) -> usize {
        self.disk_bytes
    }

    /// When it begins by the origin's clock, comparable across channels.
    pub(super) fn since_1970(&self) -> Duration {
        since_1970(self.epoch, self.span.start)
    }
}

/// What a chunk takes of the window's bytes.
pub(super) fn cost(chunk: &Chunk) -> usize {
    chunk.bytes().len() + BOOKKEEPING_BYTES
}

/// When what a record describes ends by the origin's clock. An init segment never grows old.
pub(super) fn end_since_1970(record: &ChunkRecord) -> Duration {
    if record.id.is_init() {
        Duration::MAX
    } else {
        since_1970(record.id.epoch, Span::of(record).end)
    }
}

/// A moment of an epoch by the origin's clock, comparable across channels.
pub(super) fn since_1970(epoch: Epoch, time: Duration) -> Duration {
    Duration::from_millis(epoch.0).saturating_add(time)
}

fn media_time(units: u64, timescale: u32) -> Duration {
    let timescale = u64::from(timescale.max(1));
    let nanos = units % timescale * 1_000_000_000 / timescale;
    Duration::from_secs(units / timescale).saturating_add(Duration::from_nanos(nanos))
}
