//! Sealed chunks for tests: half a second each, four to a segment, of a channel called `demo`.

use std::time::{Duration, SystemTime};

use wire::chunk::{Chunk, Facts};
use wire::id::{ChannelName, ChunkId, Epoch, INIT_SEGMENT, TrackId};
use wire::key::SecretKey;

use super::SegmentName;

pub(crate) const EPOCH: Epoch = Epoch(1_700_000_000_000);
pub(crate) const CHUNKS: u16 = 4;
pub(crate) const TIMESCALE: u32 = 1000;
pub(crate) const CHUNK_UNITS: u32 = 500;

pub(crate) fn demo() -> ChannelName {
    "demo".parse().unwrap()
}

/// The machine's clock that long after the epoch began.
pub(crate) fn at(since_epoch: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH.0) + since_epoch
}

pub(crate) fn video(number: u32) -> SegmentName {
    SegmentName {
        channel: demo(),
        epoch: EPOCH,
        track: TrackId::VIDEO,
        number,
    }
}

/// The facts of the chunk that a steady stream has under that name.
pub(crate) fn facts(id: ChunkId) -> Facts {
    let before = u64::from(id.segment.saturating_sub(1)) * u64::from(CHUNKS) + u64::from(id.index);
    let (time, duration) = match id.segment {
        INIT_SEGMENT => (0, 0),
        _ => (before * u64::from(CHUNK_UNITS), CHUNK_UNITS),
    };
    let last = id.is_init() || id.index + 1 == CHUNKS;
    Facts {
        id,
        last,
        time,
        duration,
        timescale: TIMESCALE,
    }
}

/// Seals facts over a payload of that many bytes.
pub(crate) fn sealed(facts: Facts, payload: &[u8]) -> Chunk {
    let secret = SecretKey::from_seed([1; 32]);
    if facts.id.track.is_poster() {
        return Chunk::sealed_poster(&secret, facts, payload).unwrap();
    }
    let (head, body) = if facts.id.is_init() {
        (
            [mp4_box(*b"ftyp", b""), mp4_box(*b"moov", payload)].concat(),
            Vec::new(),
        )
    } else {
        (
            Vec::new(),
            [mp4_box(*b"moof", b""), mp4_box(*b"mdat", payload)].concat(),
        )
    };
    Chunk::sealed(&secret, facts, &head, &body).unwrap()
}

/// The poster of that number, one each 10 s.
pub(crate) fn poster(number: u32) -> Chunk {
    let name = SegmentName {
        track: TrackId::POSTER,
        ..video(number)
    };
    let facts = Facts {
        id: name.chunk(0),
        last: true,
        time: u64::from(number - 1) * 10_000,
        duration: 10_000,
        timescale: TIMESCALE,
    };
    sealed(facts, format!("poster {number}").as_bytes())
}

/// The chunk that a steady stream has under that name.
pub(crate) fn chunk(id: ChunkId) -> Chunk {
    let payload = id.to_string();
    sealed(facts(id), payload.as_bytes())
}

/// All chunks of a segment.
pub(crate) fn segment(name: &SegmentName) -> Vec<Chunk> {
    let count = if name.number == INIT_SEGMENT { 1 } else { CHUNKS };
    (0..count).map(|index| chunk(name.chunk(index))).collect()
}

fn mp4_box(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &kind, payload].concat()
}
