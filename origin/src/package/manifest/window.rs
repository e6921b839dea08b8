//! The window of one track: the segments that players may still ask for, and what was measured of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wire::presentation::TrackSummary;

use super::super::cut::{RawChunk, ticks};
use super::super::description::TrackDescription;

/// As long as boxes keep segments.
const WINDOW: Duration = Duration::from_mins(1);
/// Segments last a second at least: more than this are not in the window.
const MAX_SEGMENTS: usize = 128;
/// Whole segments whose parts are remembered. Players that follow parts are never this far behind.
const SEGMENTS_WITH_PARTS: usize = 8;

/// Shorter segments are not listed. Only the last of an epoch can be so short, where a publisher stops just behind a keyframe; hls.js
/// does not get past it.
const SHORTEST: Duration = Duration::from_millis(250);

/// What a chunk takes on its way besides its own bytes, about: its seal.
const SEAL_BYTES: usize = 224;

/// A segment in the numbers of its track's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) time: u64,
    pub(super) duration: u64,
    /// How long each of its chunks lasts; forgotten once the segment is old.
    pub(super) parts: Vec<u32>,
    bytes: u64,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.time + self.duration
    }
}

/// What is known of one track of an epoch.
#[derive(Clone, Debug)]
pub(super) struct TrackWindow {
    pub(super) description: TrackDescription,
    /// Its init segment.
    pub(super) init: Bytes,
    /// Whether it goes on with the very init segment that it had in the epoch before; `None` where it was no part of that.
    pub(super) goes_on: Option<bool>,
    /// The number of its first segment.
    first: u32,
    /// Shared with those who read it: a window is handed out at each chunk, and this changes only with a segment.
    whole: Arc<VecDeque<Segment>>,
    growing: Option<Segment>,
    longest: u64,
    longest_part: u32,
    /// The bitrate of the heaviest segment so far.
    peak: u64,
}

impl TrackWindow {
    pub(super) fn new(description: TrackDescription, init: Bytes, goes_on: Option<bool>) -> Self {
        Self {
            description,
            init,
            goes_on,
            first: 1,
            whole: Arc::default(),
            growing: None,
            longest: 0,
            longest_part: 0,
            peak: 0,
        }
    }

    /// Takes note of its next chunk, and tells whether that made a segment whole.
    pub(super) fn note(&mut self, chunk: &RawChunk) -> bool {
        if self.whole.is_empty() && self.growing.is_none() {
            self.first = chunk.segment;
        }
        let segment = self.growing.get_or_insert_with(|| Segment {
            number: chunk.segment,
            time: chunk.time,
            duration: 0,
            parts: Vec::new(),
            bytes: 0,
        });
        segment.duration += u64::from(chunk.duration);
        segment.bytes += as_u64(chunk.head.len() + chunk.body.len() + SEAL_BYTES);
        segment.parts.push(chunk.duration);
        self.longest_part = self.longest_part.max(chunk.duration);
        if !chunk.last {
            return false;
        }
        let shortest = ticks(SHORTEST, self.description.timescale);
        match self.growing.take().filter(|whole| whole.duration >= shortest) {
            Some(whole) => self.keep(whole),
            None => return false,
        }
        true
    }

    fn keep(&mut self, segment: Segment) {
        let timescale = self.description.timescale;
        self.longest = self.longest.max(segment.duration);
        self.peak = self.peak.max(rate(segment.bytes, segment.duration, timescale));
        let horizon = segment.end().saturating_sub(ticks(WINDOW, timescale));
        let whole = Arc::make_mut(&mut self.whole);
        whole.push_back(segment);
        while whole.len() > MAX_SEGMENTS || whole.front().is_some_and(|old| old.end() < horizon) {
            whole.pop_front();
        }
        let past = whole.len().checked_sub(SEGMENTS_WITH_PARTS + 1);
        if let Some(old) = past.and_then(|place| whole.get_mut(place)) {
            old.parts = Vec::new();
        }
    }

    /// Nothing more comes: what is not whole by now never will be.
    pub(super) fn end(&mut self) {
        self.growing = None;
    }

    /// Its whole segments, the oldest first.
    pub(super) fn whole(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.whole.iter()
    }

    /// The segment in the making, as far as it has come.
    pub(super) fn growing(&self) -> Option<&Segment> {
        self.growing.as_ref()
    }

    /// The number of the newest whole segment.
    pub(super) fn newest(&self) -> Option<u32> {
        self.whole.back().map(|segment| segment.number)
    }

    /// How many whole segments it has had.
    pub(super) fn count(&self) -> u64 {
        self.newest().map_or(0, |newest| self.place(newest) + 1)
    }

    /// Which of its segments the one of that number is, counted from 0.
    pub(super) fn place(&self, number: u32) -> u64 {
        u64::from(number.saturating_sub(self.first))
    }

    /// Where its media ends, as far as it has come.
    pub(super) fn reached(&self) -> Duration {
        let newest = self.growing.as_ref().or(self.whole.back());
        self.time(newest.map_or(0, Segment::end))
    }

    /// Where its whole segments end.
    pub(super) fn end_of_whole(&self) -> Duration {
        self.time(self.whole.back().map_or(0, Segment::end))
    }

    /// A time of its timeline.
    pub(super) fn time(&self, time: u64) -> Duration {
        let nanos = u128::from(time) * 1_000_000_000 / u128::from(self.description.timescale.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Its longest segment.
    pub(super) fn longest(&self) -> Duration {
        self.time(self.longest)
    }

    /// Its longest chunk.
    pub(super) fn longest_part(&self) -> Duration {
        self.time(self.longest_part.into())
    }

    /// The bitrate that a line has to carry: of the heaviest segment, and a little more, so that it seldom changes.
    pub(super) fn peak_bits_per_second(&self) -> u64 {
        let step = (self.peak.checked_ilog2().unwrap_or(0)).saturating_sub(4);
        // 1 stands for "not measured yet"; 0 is not a bandwidth.
        (self.peak.div_ceil(1 << step) << step).max(1)
    }

    /// The average bitrate.
    pub(super) fn bits_per_second(&self) -> u64 {
        let bytes = self.whole.iter().map(|segment| segment.bytes).sum();
        let duration = self.whole.iter().map(|segment| segment.duration).sum();
        rate(bytes, duration, self.description.timescale)
    }

    pub(super) fn summary(&self) -> TrackSummary {
        TrackSummary {
            track: self.description.track,
            codecs: self.description.codecs.clone(),
            bits_per_second: self.bits_per_second(),
        }
    }
}

fn rate(bytes: u64, duration: u64, timescale: u32) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits / u128::from(duration.max(1))).unwrap_or(u64::MAX)
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
