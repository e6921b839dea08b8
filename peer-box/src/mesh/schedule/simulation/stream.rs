//! What is published, and its names: a chunk is known by a number.

use std::time::Duration;

use bytes::Bytes;
use wire::chunk::{ChunkRecord, Seal};
use wire::id::{ChunkId, Epoch, TrackId};

pub(super) const CHUNKS_PER_SEGMENT: u32 = 10;

/// What a chunk is handed over in.
pub(super) const PART_BYTES: u32 = 8 << 10;

/// What is published.
#[derive(Clone, Copy, Debug)]
pub(in crate::mesh::schedule) struct Stream {
    pub(in crate::mesh::schedule) every: Duration,
    pub(in crate::mesh::schedule) picture_bytes: u32,
    /// What a segment begins with.
    pub(in crate::mesh::schedule) key_picture_bytes: u32,
    /// Nothing when it is silent.
    pub(in crate::mesh::schedule) sound_bytes: Option<u32>,
}

impl Stream {
    pub(super) const SMALL: Self = Self {
        every: Duration::from_millis(200),
        picture_bytes: 100_000,
        key_picture_bytes: 100_000,
        sound_bytes: None,
    };

    /// 4 Mbit/s with sound, a quarter of a second in a chunk.
    pub(in crate::mesh::schedule) const LAB: Self = Self {
        every: Duration::from_millis(250),
        picture_bytes: 108_000,
        key_picture_bytes: 250_000,
        sound_bytes: Some(3_000),
    };

    pub(super) fn bytes_of(&self, id: &ChunkId) -> u32 {
        match self.sound_bytes {
            Some(bytes) if id.track == TrackId::AUDIO => bytes,
            _ if id.index == 0 => self.key_picture_bytes,
            _ => self.picture_bytes,
        }
    }
}

pub(in crate::mesh::schedule) fn id_of(number: u32) -> ChunkId {
    ChunkId {
        channel: "demo".parse().unwrap(),
        epoch: Epoch(1),
        track: TrackId::VIDEO,
        segment: 1 + number / CHUNKS_PER_SEGMENT,
        index: u16::try_from(number % CHUNKS_PER_SEGMENT).unwrap(),
    }
}

pub(super) fn sound_of(number: u32) -> ChunkId {
    ChunkId {
        track: TrackId::AUDIO,
        ..id_of(number)
    }
}

pub(super) fn number_of(id: &ChunkId) -> u32 {
    (id.segment - 1) * CHUNKS_PER_SEGMENT + u32::from(id.index)
}

/// In here a seal is believed: the schedule sees only those that opened.
pub(in crate::mesh::schedule) fn seal_of(id: &ChunkId) -> Seal {
    let is_sound = u32::from(id.track == TrackId::AUDIO);
    Seal::new(Bytes::copy_from_slice(
        &(2 * number_of(id) + is_sound).to_be_bytes(),
    ))
}

pub(super) fn id_in(seal: &Seal) -> ChunkId {
    let number = u32::from_be_bytes(seal.bytes()[..].try_into().unwrap());
    if number % 2 == 1 {
        sound_of(number / 2)
    } else {
        id_of(number / 2)
    }
}

pub(in crate::mesh::schedule) fn record_of(id: &ChunkId) -> ChunkRecord {
    ChunkRecord {
        id: id.clone(),
        last: u32::from(id.index) == CHUNKS_PER_SEGMENT - 1,
        time: u64::from(number_of(id)) * 200,
        duration: 200,
        timescale: 1000,
        size: 100_000,
        sha256: [0; 32],
    }
}
