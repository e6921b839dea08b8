//! The neutral unit of media between ingest and package.
//!
//! Ingest knows RTMP and FLV, package knows CMAF; neither knows the other. What passes between them is a
//! publisher's [`Unit`]s in the order of arrival: a track's configuration, then its access units.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use bytes::Bytes;
pub use wire::id::{TrackId, TrackKind};

/// One step of a publisher's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A track begins, or goes on in another way. Comes before the samples that it describes; encoders may
    /// also repeat it, byte for byte, where nothing changed.
    Config(TrackId, Config),
    /// One picture, or one frame of sound, of a track whose configuration came before.
    Sample(AccessUnit),
}

impl Unit {
    /// The track that it is of.
    pub fn track(&self) -> TrackId {
        match self {
            Self::Config(track, _) => *track,
            Self::Sample(unit) => unit.track,
        }
    }
}

/// What a decoder has to know before the first sample of a track: a codec, and its configuration as the publisher
/// sent it. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// H.264: an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1), the body of an `avcC` box.
    Avc(Bytes),
    /// HEVC: an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §8.3.3.1), the body of an `hvcC` box.
    Hevc(Bytes),
    /// AV1: an `AV1CodecConfigurationRecord` (AV1-ISOBMFF §2.3.3), the body of an `av1C` box.
    Av1(Bytes),
    /// VP9: a `VPCodecConfigurationRecord` (VP-ISOBMFF), a `vpcC` box's body with or without version and flags.
    Vp9(Bytes),
    /// AAC: an `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1).
    Aac(Bytes),
    /// Opus: an identification header (RFC 7845 §5.1), `OpusHead` and all.
    Opus(Bytes),
}

impl Config {
    /// The kind of the tracks that it can configure.
    pub fn kind(&self) -> TrackKind {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => TrackKind::Video,
            Self::Aac(_) | Self::Opus(_) => TrackKind::Audio,
        }
    }

    /// The configuration, of whatever codec.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Avc(bytes)
            | Self::Hevc(bytes)
            | Self::Av1(bytes)
            | Self::Vp9(bytes)
            | Self::Aac(bytes)
            | Self::Opus(bytes) => bytes,
        }
    }
}

/// One picture, or one frame of sound.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// The track that it belongs to.
    pub track: TrackId,
    /// When it is decoded, on the publisher's own clock. The tracks of a publisher share that clock, its zero
    /// means nothing, and a publisher may send times that go back.
    pub decode_time: Millis,
    /// Milliseconds from decoding to showing; negative only where an encoder says so. 0 for sound.
    pub composition_offset: i32,
    /// Whether decoding can begin here. Always true for sound.
    pub keyframe: bool,
    /// H.264 and HEVC: NAL units, each behind its length (ISO/IEC 14496-15 §5.3.2; the configuration says how many
    /// bytes a length has). AV1: the OBUs of a temporal unit, without its delimiter. VP9: a frame, or a superframe.
    /// AAC: one raw frame, without ADTS. Opus: one packet. Never empty, otherwise as the publisher sent it.
    pub data: Bytes,
}

/// Media is told by its size: a log line has no use for a picture's bytes.
impl fmt::Debug for AccessUnit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            track,
            decode_time,
            composition_offset,
            keyframe,
            data,
        } = self;
        out.debug_struct("AccessUnit")
            .field("track", track)
            .field("decode_time", decode_time)
            .field("composition_offset", composition_offset)
            .field("keyframe", keyframe)
            .field("bytes", &data.len())
            .finish()
    }
}

/// A moment on a publisher's clock: milliseconds, unwrapped, so that they go on growing where RTMP's 32 bits
/// begin again at 0 after 49.7 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Millis {
    type Output = Self;

    /// The moment that much later, in whole milliseconds.
    fn add(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ms", self.0)
    }
}
