//! What codecs say of themselves, read from configurations that a stranger sent.

mod aac;
mod avc;
mod bits;
mod sps;

use wire::id::TrackId;

use self::aac::Aac;
use self::avc::Avc;
use super::description::TrackDescription;
use super::error::PackageError;
use crate::media::Config;

/// Units of video's media time in a second: every common frame rate, and a millisecond, is a whole number of them.
pub(super) const VIDEO_TIMESCALE: u32 = 90_000;

/// The most bytes of configuration that are read at all.
const MAX_CONFIG_BYTES: usize = 16 * 1024;

/// A track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Avc(Avc),
    Aac(Aac),
}

impl Codec {
    pub(super) fn read(config: &Config) -> Result<Self, PackageError> {
        match config {
            Config::Avc(bytes) => Avc::read(bytes).map(Self::Avc),
            Config::Aac(bytes) => Aac::read(bytes).map(Self::Aac),
            Config::Hevc(_) | Config::Av1(_) | Config::Vp9(_) | Config::Opus(_) => {
                Err(PackageError::BadConfig {
                    kind: config.kind(),
                    why: "this codec cannot be packaged yet".to_owned(),
                })
            }
        }
    }

    /// Units of media time in a second.
    pub(super) fn timescale(&self) -> u32 {
        match self {
            Self::Avc(_) => VIDEO_TIMESCALE,
            Self::Aac(aac) => aac.timescale(),
        }
    }

    /// How long a sample lasts, in units of the timescale: exactly for sound, as a rule for pictures. Never 0.
    pub(super) fn frame(&self) -> u32 {
        match self {
            Self::Avc(avc) => picture(&avc.describe(TrackId::VIDEO)),
            Self::Aac(aac) => aac.frame(),
        }
    }

    /// What players are told of a track so configured.
    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        match self {
            Self::Avc(avc) => avc.describe(track),
            Self::Aac(aac) => aac.describe(track),
        }
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> mp4_atom::Codec {
        match self {
            Self::Avc(avc) => avc.sample_entry(),
            Self::Aac(aac) => aac.sample_entry(),
        }
    }
}

/// How long a picture lasts: a thirtieth of a second where its parameter sets do not tell.
fn picture(description: &TrackDescription) -> u32 {
    let rate = description.video.as_ref().and_then(|video| video.frame_rate);
    let ticks = rate.map_or(VIDEO_TIMESCALE / 30, |rate| {
        VIDEO_TIMESCALE.saturating_mul(rate.denominator()) / rate.numerator()
    });
    ticks.clamp(1, VIDEO_TIMESCALE)
}
