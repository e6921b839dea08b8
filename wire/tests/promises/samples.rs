//! Chunks and keys to try things on.

use wire::chunk::{Chunk, Facts};
use wire::id::{ChannelName, ChunkId, Epoch, TrackId};
use wire::key::SecretKey;

pub(crate) const EPOCH: Epoch = Epoch(1_790_000_000_000);

pub(crate) fn origin() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

pub(crate) fn stranger() -> SecretKey {
    SecretKey::from_seed([2; 32])
}

pub(crate) fn channel() -> ChannelName {
    "demo".parse().unwrap()
}

pub(crate) fn id(segment: u32, index: u16) -> ChunkId {
    ChunkId {
        channel: channel(),
        epoch: EPOCH,
        track: TrackId::VIDEO,
        segment,
        index,
    }
}

/// A box of ISO/IEC 14496-12 with that content.
pub(crate) fn iso_box(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &kind, content].concat()
}

/// A chunk whose `mdat` holds `media`.
pub(crate) fn chunk(id: ChunkId, last: bool, media: &[u8]) -> Chunk {
    let time = u64::from(id.segment - 1) * 180_000 + u64::from(id.index) * 45_000;
    let head = if id.index == 0 {
        iso_box(*b"styp", b"msdh\0\0\0\0msdhcmfc")
    } else {
        Vec::new()
    };
    let body = [iso_box(*b"moof", b"a fragment"), iso_box(*b"mdat", media)].concat();
    let facts = Facts {
        id,
        last,
        time,
        duration: 45_000,
        timescale: 90_000,
    };
    Chunk::sealed(&origin(), facts, &head, &body).unwrap()
}

/// A poster that holds `jpeg`.
pub(crate) fn poster(number: u32, jpeg: &[u8]) -> Chunk {
    Chunk::sealed_poster(&origin(), poster_facts(number), jpeg).unwrap()
}

pub(crate) fn poster_facts(number: u32) -> Facts {
    Facts {
        id: ChunkId {
            track: TrackId::POSTER,
            ..id(number, 0)
        },
        last: true,
        time: u64::from(number) * 10_000,
        duration: 10_000,
        timescale: 1000,
    }
}

/// An init segment.
pub(crate) fn init() -> Chunk {
    let head = [
        iso_box(*b"ftyp", b"cmfc\0\0\0\0cmfc"),
        iso_box(*b"moov", b"a movie"),
    ]
    .concat();
    let id = ChunkId::init(channel(), EPOCH, TrackId::VIDEO);
    let facts = Facts {
        id,
        last: true,
        time: 0,
        duration: 0,
        timescale: 90_000,
    };
    Chunk::sealed(&origin(), facts, &head, &[]).unwrap()
}
