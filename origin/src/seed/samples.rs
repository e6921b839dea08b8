//! Sealed chunks for tests, of a channel called `demo`.

use wire::chunk::{Chunk, Facts};
use wire::id::{ChannelName, ChunkId, Epoch, TrackId};
use wire::key::SecretKey;

pub(super) fn demo() -> ChannelName {
    "demo".parse().unwrap()
}

/// A poster of that number.
pub(super) fn poster(epoch: u64, number: u32) -> Chunk {
    let facts = Facts {
        id: ChunkId {
            channel: demo(),
            epoch: Epoch(epoch),
            track: TrackId::POSTER,
            segment: number,
            index: 0,
        },
        last: true,
        time: 0,
        duration: 10_000,
        timescale: 1000,
    };
    Chunk::sealed_poster(&SecretKey::from_seed([1; 32]), facts, b"picture").unwrap()
}

/// A chunk with nothing in it; segment 0 is an init segment.
pub(super) fn chunk(epoch: u64, segment: u32, index: u16) -> Chunk {
    let id = ChunkId {
        channel: demo(),
        epoch: Epoch(epoch),
        track: TrackId::VIDEO,
        segment,
        index,
    };
    let (first, second) = if id.is_init() {
        (*b"ftyp", *b"moov")
    } else {
        (*b"moof", *b"mdat")
    };
    let [first, second] = [first, second].map(|kind| [[0, 0, 0, 8], kind].concat());
    let last = id.is_init();
    let (head, body) = if last {
        ([first, second].concat(), Vec::new())
    } else {
        (Vec::new(), [first, second].concat())
    };
    let facts = Facts {
        id,
        last,
        time: 0,
        duration: 0,
        timescale: 1000,
    };
    Chunk::sealed(&SecretKey::from_seed([1; 32]), facts, &head, &body).unwrap()
}
