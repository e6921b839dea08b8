//! The window of one track: the whole segments that players may still ask for.

use std::collections::VecDeque;
use std::time::Duration;

use wire::presentation::TrackSummary;

use super::super::cut::{RawChunk, ticks};
use super::super::description::TrackDescription;

/// As long as boxes keep segments.
const WINDOW: Duration = Duration::from_mins(1);
/// Segments last a second at least: more than this are not in the window.
const MAX_SEGMENTS: usize = 128;

/// A segment in the numbers of its track's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) time: u64,
    pub(super) duration: u64,
    bytes: u64,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.time + self.duration
    }

    fn bits_per_second(&self, timescale: u32) -> u64 {
        rate(self.bytes, self.duration, timescale)
    }
}

/// What is known of one track.
#[derive(Clone, Debug)]
pub(super) struct TrackWindow {
    pub(super) description: TrackDescription,
    whole: VecDeque<Segment>,
    growing: Option<Segment>,
    /// The longest segment of the epoch.
    longest: u64,
}

impl TrackWindow {
    pub(super) fn new(description: TrackDescription) -> Self {
        Self {
            description,
            whole: VecDeque::new(),
            growing: None,
            longest: 0,
        }
    }

    pub(super) fn note(&mut self, chunk: &RawChunk) {
        let beginning = Segment {
            number: chunk.segment,
            time: chunk.time,
            duration: 0,
            bytes: 0,
        };
        let segment = self.growing.get_or_insert(beginning);
        segment.duration += u64::from(chunk.duration);
        segment.bytes += as_u64(chunk.head.len() + chunk.body.len());
        if !chunk.last {
            return;
        }
        let segment = *segment;
        self.growing = None;
        self.longest = self.longest.max(segment.duration);
        self.whole.push_back(segment);
        let window = ticks(WINDOW, self.description.timescale);
        while self.whole.len() > MAX_SEGMENTS
            || self
                .whole
                .front()
                .is_some_and(|old| old.end() + window < segment.end())
        {
            self.whole.pop_front();
        }
    }

    /// The number of the newest whole segment.
    pub(super) fn newest(&self) -> Option<u32> {
        self.whole.back().map(|segment| segment.number)
    }

    /// The segments up to `newest` that began no longer than `depth` before its end.
    pub(super) fn listed(&self, newest: u32, depth: Duration) -> impl Iterator<Item = Segment> {
        let upto = self.whole.iter().filter(move |segment| segment.number <= newest);
        let end = upto.clone().next_back().map_or(0, Segment::end);
        let begin = end.saturating_sub(ticks(depth, self.description.timescale));
        upto.filter(move |segment| segment.time >= begin).copied()
    }

    /// The longest segment of the epoch.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_millis((self.longest * 1000).div_ceil(u64::from(self.description.timescale)))
    }

    /// The bitrate of the heaviest segment: what a line has to carry.
    pub(super) fn peak_bits_per_second(&self) -> u64 {
        let timescale = self.description.timescale;
        self.whole
            .iter()
            .map(|segment| segment.bits_per_second(timescale))
            .max()
            .unwrap_or(0)
    }

    pub(super) fn summary(&self) -> TrackSummary {
        let bytes = self.whole.iter().map(|segment| segment.bytes).sum();
        let duration = self.whole.iter().map(|segment| segment.duration).sum();
        TrackSummary {
            track: self.description.track,
            codecs: self.description.codecs.clone(),
            bits_per_second: rate(bytes, duration, self.description.timescale),
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
