//! What packaging hands on: pieces of a track, and what a player must know to choose it.

use std::fmt;

use bytes::Bytes;
use wire::id::TrackId;

use super::cut::RawChunk;

/// One piece of an epoch, ready to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packaged {
    /// A track begins. Comes once for each track, before its first chunk.
    Init {
        /// What the track is.
        description: TrackDescription,
        /// Its init segment: `ftyp` and `moov`.
        bytes: Bytes,
    },
    /// The next chunk of a track.
    Chunk(RawChunk),
}

/// What a player must know of a track before it asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackDescription {
    /// The track.
    pub track: TrackId,
    /// Its codec as RFC 6381 writes it: `avc1.64001f`, `mp4a.40.2`.
    pub codecs: String,
    /// Units of media time in a second.
    pub timescale: u32,
    /// Set for video.
    pub video: Option<VideoDescription>,
    /// Set for audio.
    pub audio: Option<AudioDescription>,
}

/// The picture, as its sequence parameter set describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoDescription {
    /// Columns shown, after cropping.
    pub width: u32,
    /// Rows shown, after cropping.
    pub height: u32,
    /// Frames in a second, where the stream tells.
    pub frame_rate: Option<Ratio>,
    /// Width to height of one sample, where the stream tells.
    pub sar: Option<Ratio>,
}

/// The sound, as its `AudioSpecificConfig` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioDescription {
    /// Samples in a second, as heard.
    pub sample_rate: u32,
    /// Channels, as heard.
    pub channels: u8,
}

/// A ratio of two positive numbers in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// The ratio; none when either side is zero.
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let divisor = common_divisor(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// What is above the line.
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// What is below the line.
    pub fn denominator(self) -> u32 {
        self.denominator
    }

    /// The ratio as an approximate number.
    pub fn value(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

/// As DASH writes an aspect ratio: `16:9`.
impl fmt::Display for Ratio {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.numerator, self.denominator)
    }
}

fn common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
