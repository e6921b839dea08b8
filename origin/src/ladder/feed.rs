//! What a child hears: a track of the source as a file that has no end, on a clock of its own.
//!
//! H.264 and AAC go as FLV, the other codecs as Matroska, since the FLV that ffmpeg has long known has no numbers for
//! them. Either way times are milliseconds, and what the child says comes back on the same clock.

use bytes::Bytes;

use super::{flv, matroska};
use crate::ingest::flv::Writer;
use crate::media::{AccessUnit, Config, Millis, TrackId, Unit};

/// Where a child's clock begins. Encoders of sound begin a little before what they are given, and pictures may be shown
/// before the first one: no time may be negative.
const BEGIN: u64 = 10_000;

/// The end of a child's clock: half of what 32 bits hold, 24.8 days.
const END: u64 = 1 << 31;

/// A child's clock beside the publisher's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The publisher's time at which the child's is [`BEGIN`].
    base: Millis,
}

impl Clock {
    pub(super) fn beginning_at(base: Millis) -> Self {
        Self { base }
    }

    /// A publisher's time as the child is told it; none where the child's clock does not reach.
    fn told(self, time: Millis) -> Option<Millis> {
        let told = time.0.checked_add(BEGIN)?.checked_sub(self.base.0)?;
        (told < END).then_some(Millis(told))
    }

    /// A child's time as the publisher would tell it.
    pub(super) fn heard(self, time: u32) -> Millis {
        Millis((self.base.0 + u64::from(time)).saturating_sub(BEGIN))
    }
}

/// Writes a track for a child.
#[derive(Debug)]
pub(super) struct Feed {
    clock: Clock,
    container: Container,
}

#[derive(Debug)]
enum Container {
    Flv(Writer),
    Matroska,
}

impl Feed {
    /// A feed, and what it begins with.
    pub(super) fn begin(track: TrackId, config: &Config, clock: Clock) -> (Self, Bytes) {
        let mut feed = Self {
            clock,
            container: container(config),
        };
        let beginning = match &mut feed.container {
            Container::Matroska => matroska::header(config),
            Container::Flv(writer) => {
                let tag = writer.tag_of(&Unit::Config(track, config.clone()));
                let tag = tag.and_then(|(kind, time, body)| flv::tag(kind, time, &body));
                let header = flv::header(config.kind());
                [header, tag.unwrap_or_default()].concat().into()
            }
        };
        (feed, beginning)
    }

    /// The next sample; `None` where the child's clock does not reach, or no container has room for it.
    pub(super) fn sample(&mut self, sample: &AccessUnit) -> Option<Bytes> {
        let decoded = self.clock.told(sample.decode_time)?;
        match &mut self.container {
            Container::Matroska => {
                let shown = decoded.0.checked_add_signed(sample.composition_offset.into())?;
                Some(matroska::sample(shown, sample.keyframe, &sample.data))
            }
            Container::Flv(writer) => {
                let told = AccessUnit {
                    decode_time: decoded,
                    ..sample.clone()
                };
                let (kind, time, body) = writer.tag_of(&Unit::Sample(told))?;
                flv::tag(kind, time, &body)
            }
        }
    }
}

fn container(config: &Config) -> Container {
    match config {
        Config::Avc(_) | Config::Aac(_) => Container::Flv(Writer::default()),
        Config::Hevc(_) | Config::Av1(_) | Config::Vp9(_) | Config::Opus(_) => Container::Matroska,
    }
}

/// What ffmpeg calls the container of a track so configured.
pub(super) fn format(config: &Config) -> &'static str {
    match container(config) {
        Container::Flv(_) => "flv",
        Container::Matroska => "matroska",
    }
}
