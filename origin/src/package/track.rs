//! A track of an epoch: where its samples have their place, and where they are cut.

use std::time::Duration;

use wire::id::{TrackId, TrackKind};

use super::boxes::init_segment;
use super::config::Codec;
use super::cut::{Cutter, Sample, ticks};
use super::description::Packaged;
use super::error::PackageError;
use super::timeline::{AudioClock, Clock, MediaTime, VideoClock};
use crate::media::{AccessUnit, Config};

#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    codec: Codec,
    clock: Clock,
    cutter: Cutter,
}

impl Track {
    /// A track that begins with that sample, in an epoch whose 0 is at `zero` milliseconds on the publisher's clock.
    pub(super) fn begin(
        config: &Config,
        first: &AccessUnit,
        zero: i64,
        chunk: Duration,
        out: &mut Vec<Packaged>,
    ) -> Result<Self, PackageError> {
        let id = first.track;
        let codec = Codec::read(config, &first.data)?;
        let (timescale, frame) = (codec.timescale(), codec.frame());
        let clock = match id.kind() {
            TrackKind::Video => Clock::Video(VideoClock::new(first, zero)),
            TrackKind::Audio => Clock::Audio(AudioClock::new(zero, timescale)),
        };
        let description = codec.describe(id);
        let bytes = init_segment(&description, codec.sample_entry(), clock.delay());
        out.push(Packaged::Init { description, bytes });
        Ok(Self {
            id,
            codec,
            clock,
            cutter: Cutter::new(id, timescale, chunk, frame),
        })
    }

    /// Whether decoding can go on with that keyframe as the track was described.
    pub(super) fn goes_on_as(&self, keyframe: &[u8]) -> bool {
        self.codec.goes_on_as(keyframe)
    }

    /// The sample in the epoch's time; none where it has to be left out.
    pub(super) fn place(&mut self, unit: AccessUnit) -> Option<Sample> {
        let lasts = self.codec.duration(&unit.data);
        Some(Sample {
            place: self.clock.place(&unit, lasts)?,
            keyframe: unit.keyframe,
            data: unit.data,
        })
    }

    /// Takes the next sample; `begins` tells that it begins a segment.
    pub(super) fn cut(
        &mut self,
        sample: Sample,
        begins: bool,
        out: &mut Vec<Packaged>,
    ) -> Result<(), PackageError> {
        out.extend(self.cutter.push(sample, begins)?.map(Packaged::Chunk));
        Ok(())
    }

    /// Ends the track.
    pub(super) fn finish(&mut self, out: &mut Vec<Packaged>) {
        out.extend(self.cutter.finish().map(Packaged::Chunk));
    }

    /// When a sample is decoded.
    pub(super) fn decoded(&self, sample: &Sample) -> MediaTime {
        self.at(sample.place.time)
    }

    /// When a sample is shown, or heard.
    pub(super) fn shown(&self, sample: &Sample) -> MediaTime {
        let offset = i64::from(sample.place.offset) - i64::from(self.clock.delay());
        self.at(sample.place.time.saturating_add_signed(offset))
    }

    /// When the newest sample that was cut is decoded; none before the first.
    pub(super) fn newest(&self) -> Option<MediaTime> {
        self.cutter.newest().map(|time| self.at(time))
    }

    /// How old the segment in hand is at that time, in ticks.
    pub(super) fn segment_age(&self, time: MediaTime) -> u64 {
        let start = self.cutter.segment_start();
        start.map_or(0, |start| time.ticks.saturating_sub(start))
    }

    /// The number of the segment in hand.
    pub(super) fn segment(&self) -> u32 {
        self.cutter.segment()
    }

    /// What all pictures are shown later than they are decoded.
    pub(super) fn delay(&self) -> MediaTime {
        self.at(self.clock.delay().into())
    }

    /// Half of what a sample usually lasts: what two tracks may round differently.
    pub(super) fn half_frame(&self) -> MediaTime {
        self.at((self.codec.frame() / 2).into())
    }

    /// How far its samples have fallen behind their timestamps, in milliseconds.
    pub(super) fn behind_ms(&self) -> i64 {
        self.clock.behind_ms()
    }

    /// A duration on the track's scale.
    pub(super) fn ticks(&self, duration: Duration) -> u64 {
        ticks(duration, self.codec.timescale())
    }

    fn at(&self, ticks: u64) -> MediaTime {
        MediaTime {
            ticks,
            timescale: self.codec.timescale(),
        }
    }
}
