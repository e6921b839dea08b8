//! Cutting: the samples of one track become chunks, numbered in their segments.
//!
//! How long a sample lasts is known when the next one comes, so the newest sample always waits. That is also
//! why every chunk knows whether it is its segment's last: a chunk is closed only by a sample that
//! comes after it, in its own segment or in the next.

use std::time::Duration;

use bytes::Bytes;
use wire::chunk::{MAX_CHUNK_BYTES, MAX_CHUNKS_PER_SEGMENT, MAX_SEAL_BYTES};
use wire::id::TrackId;

use super::boxes::{Fragment, SAMPLE_ENTRY_BYTES, segment_type};
use super::error::PackageError;
use super::timeline::Place;

/// What a chunk holds besides samples: its seal, and boxes of fixed size with room to spare.
const OVERHEAD_BYTES: usize = MAX_SEAL_BYTES + 1024;
/// The most that the samples of a chunk may take, what the `trun` says of them included.
pub(super) const MAX_SAMPLES_BYTES: usize = MAX_CHUNK_BYTES - OVERHEAD_BYTES;

/// From this chunk of a segment on, chunks are as long as [`LATE`] says: a segment has room for 64.
const LATE_INDEX: u16 = 48;
/// How many times longer late chunks are.
const LATE: u64 = 4;

/// How long pieces are meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// A chunk ends with the first access unit after this long.
    pub chunk: Duration,
    /// A segment ends with the first keyframe after this long; not under a second.
    pub segment: Duration,
}

impl Default for Cut {
    fn default() -> Self {
        Self {
            chunk: Duration::from_millis(250),
            segment: Duration::from_secs(2),
        }
    }
}

/// A chunk without its seal, which has its place between `head` and `body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChunk {
    /// Its track.
    pub track: TrackId,
    /// Its segment, counted from 1.
    pub segment: u32,
    /// Its place in the segment, counted from 0.
    pub index: u16,
    /// Whether it ends its segment.
    pub last: bool,
    /// When its first sample is decoded, in units of `timescale` since the epoch began.
    pub time: u64,
    /// How long it lasts, in units of `timescale`.
    pub duration: u32,
    /// Units a second.
    pub timescale: u32,
    /// `styp` where a segment begins, else empty.
    pub head: Bytes,
    /// `moof` and `mdat`.
    pub body: Bytes,
}

/// A sample in the time of its track.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) place: Place,
    pub(super) keyframe: bool,
    pub(super) data: Bytes,
}

/// A sample whose duration is known.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub(super) duration: u32,
    pub(super) offset: i32,
    pub(super) keyframe: bool,
    pub(super) data: Bytes,
}

/// One track's samples on their way into chunks.
#[derive(Debug)]
pub(super) struct Cutter {
    track: TrackId,
    timescale: u32,
    /// The length of a chunk, in units of the timescale.
    chunk: u64,
    /// How long the very last sample lasts when no other tells.
    usual_duration: u32,
    segment: u32,
    index: u16,
    sequence: u32,
    segment_start: u64,
    chunk_start: u64,
    samples: Vec<Timed>,
    /// What the samples, and the newest, will take in the chunk.
    bytes: usize,
    newest: Option<Sample>,
}

impl Cutter {
    pub(super) fn new(track: TrackId, timescale: u32, chunk: Duration, usual_duration: u32) -> Self {
        Self {
            track,
            timescale,
            chunk: ticks(chunk, timescale),
            usual_duration,
            segment: 1,
            index: 0,
            sequence: 1,
            segment_start: 0,
            chunk_start: 0,
            samples: Vec::new(),
            bytes: 0,
            newest: None,
        }
    }

    /// When the segment in hand began; none before the first sample.
    pub(super) fn segment_start(&self) -> Option<u64> {
        self.newest.as_ref().map(|_| self.segment_start)
    }

    /// The number of the segment in hand.
    pub(super) fn segment(&self) -> u32 {
        self.segment
    }

    /// When the newest sample is decoded.
    pub(super) fn newest(&self) -> Option<u64> {
        self.newest.as_ref().map(|sample| sample.place.time)
    }

    /// Takes the next sample; `begins` tells that it begins a segment. Times have to grow. Answers with the chunk
    /// that it closed.
    pub(super) fn push(&mut self, sample: Sample, begins: bool) -> Result<Option<RawChunk>, PackageError> {
        let cost = sample.data.len() + SAMPLE_ENTRY_BYTES;
        let last_index = self.index + 1 == MAX_CHUNKS_PER_SEGMENT;
        let full = self.bytes + cost > MAX_SAMPLES_BYTES;
        if cost > MAX_SAMPLES_BYTES || (full && last_index && !begins) {
            let bytes = if cost > MAX_SAMPLES_BYTES {
                cost
            } else {
                self.bytes + cost
            };
            return Err(PackageError::TooLarge {
                track: self.track,
                bytes,
                limit: MAX_SAMPLES_BYTES,
            });
        }
        let Some(newest) = self.newest.take() else {
            self.segment_start = sample.place.time;
            self.chunk_start = sample.place.time;
            self.bytes = cost;
            self.newest = Some(sample);
            return Ok(None);
        };

        let time = sample.place.time;
        self.keep(newest, time);
        let length = if self.index < LATE_INDEX {
            self.chunk
        } else {
            self.chunk.saturating_mul(LATE)
        };
        let long = time.saturating_sub(self.chunk_start) >= length;
        let closed = if begins {
            let chunk = self.close(true);
            self.segment += 1;
            self.index = 0;
            self.segment_start = time;
            Some(chunk)
        } else if full || (long && !last_index) {
            let chunk = self.close(false);
            self.index += 1;
            Some(chunk)
        } else {
            None
        };
        if closed.is_some() {
            self.chunk_start = time;
            self.bytes = 0;
        }
        self.bytes += cost;
        self.newest = Some(sample);
        Ok(closed)
    }

    /// The chunk that ends the track.
    pub(super) fn finish(&mut self) -> Option<RawChunk> {
        let newest = self.newest.take()?;
        let duration = self
            .samples
            .last()
            .map_or(self.usual_duration, |sample| sample.duration);
        let end = newest.place.time + u64::from(duration);
        self.keep(newest, end);
        Some(self.close(true))
    }

    /// A sample that lasts until `end`.
    fn keep(&mut self, sample: Sample, end: u64) {
        self.samples.push(Timed {
            duration: u32::try_from(end.saturating_sub(sample.place.time)).unwrap_or(u32::MAX),
            offset: sample.place.offset,
            keyframe: sample.keyframe,
            data: sample.data,
        });
    }

    fn close(&mut self, last: bool) -> RawChunk {
        let time = self.chunk_start;
        let body = Fragment {
            sequence: self.sequence,
            time,
            samples: &self.samples,
        }
        .write();
        let duration = self
            .samples
            .iter()
            .fold(0_u32, |sum, sample| sum.saturating_add(sample.duration));
        self.sequence = self.sequence.wrapping_add(1);
        self.samples.clear();
        RawChunk {
            track: self.track,
            segment: self.segment,
            index: self.index,
            last,
            time,
            duration,
            timescale: self.timescale,
            head: if self.index == 0 {
                segment_type()
            } else {
                Bytes::new()
            },
            body,
        }
    }
}

/// A duration in units of a timescale.
pub(super) fn ticks(duration: Duration, timescale: u32) -> u64 {
    let ticks = duration.as_nanos() * u128::from(timescale) / 1_000_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
