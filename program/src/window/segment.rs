//! One segment: its chunks as they come, in whatever order.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wire::chunk::{Chunk, ChunkRecord, HASH_BYTES};
use wire::id::{ChannelName, ChunkId, Epoch, TrackId};

use super::{Refused, Verdict};

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
pub struct Segment {
    chunks: Vec<Chunk>,
    whole: bool,
    hash: Arc<OnceLock<[u8; HASH_BYTES]>>,
}

impl Segment {
    /// Its chunks, in order.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Whether these are all its chunks.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

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
    chunks: Vec<Option<Chunk>>,
    /// How many chunks it has, once the last one is here.
    count: Option<usize>,
    bytes: usize,
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
            hash: Arc::default(),
        }
    }

    pub(super) fn judge(&self, record: &ChunkRecord) -> Result<Verdict, Refused> {
        let index = usize::from(record.id.index);
        match self.chunks.get(index).and_then(Option::as_ref) {
            Some(chunk) if chunk.record() == record => Ok(Verdict::Duplicate),
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
        self.chunks[index] = Some(chunk);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.count.is_some_and(|count| self.chunks().count() == count)
    }

    pub(super) fn chunk(&self, index: u16) -> Option<&Chunk> {
        self.chunks.get(usize::from(index))?.as_ref()
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().flatten()
    }

    pub(super) fn segment(&self) -> Segment {
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
