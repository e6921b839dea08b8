//! The codecs that tags carry, and what the numbers in front of them mean.

use bytes::Bytes;

use super::bad::{BadTag, Foreign};
use crate::media::{Config, TrackKind};

/// Set in a video tag's first byte where Enhanced RTMP begins: a four-character code instead of a codec id.
pub(super) const ENHANCED_VIDEO: u8 = 0x80;
/// The sound format that says the same of an audio tag.
pub(super) const ENHANCED_AUDIO: u8 = 9;

/// FLV's own numbers.
pub(super) const AVC: u8 = 7;
pub(super) const AAC: u8 = 10;
/// In no specification, and what encoders sent before there was Enhanced RTMP: a tag like one of H.264.
const HEVC: u8 = 12;

/// The packet types of Enhanced RTMP; those of old tags are the first three, for H.264 and AAC alike.
pub(super) mod packet_type {
    pub(in super::super) const SEQUENCE_START: u8 = 0;
    pub(in super::super) const CODED_FRAMES: u8 = 1;
    pub(in super::super) const SEQUENCE_END: u8 = 2;
    /// Video: pictures that are shown when they are decoded.
    pub(in super::super) const CODED_FRAMES_X: u8 = 3;
    /// Video: colours for a screen with more of them. They are in the bitstream too.
    pub(in super::super) const METADATA: u8 = 4;
    /// Audio: where loudspeakers stand. The configuration tells.
    pub(in super::super) const MULTICHANNEL_CONFIG: u8 = 4;
    pub(in super::super) const MPEG2_TS_SEQUENCE_START: u8 = 5;
    pub(in super::super) const AUDIO_MULTITRACK: u8 = 5;
    pub(in super::super) const VIDEO_MULTITRACK: u8 = 6;
    pub(in super::super) const MOD_EX: u8 = 7;
}

/// The four characters of every codec that we take.
pub(in crate::ingest) const VIDEO_CODES: [&str; 4] = ["avc1", "hvc1", "av01", "vp09"];
pub(in crate::ingest) const AUDIO_CODES: [&str; 2] = ["mp4a", "Opus"];

/// A codec that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Avc,
    Hevc,
    Av1,
    Vp9,
    Aac,
    Opus,
}

impl Format {
    /// The codec of a tag of old: its number.
    pub(super) fn of_number(kind: TrackKind, number: u8) -> Result<Self, BadTag> {
        match (kind, number) {
            (TrackKind::Video, AVC) => Ok(Self::Avc),
            (TrackKind::Video, HEVC) => Ok(Self::Hevc),
            (TrackKind::Audio, AAC) => Ok(Self::Aac),
            _ => Err(refusal(kind, Foreign::Number(kind, number))),
        }
    }

    /// The codec of a tag of Enhanced RTMP: its four characters.
    pub(super) fn of_four_cc(kind: TrackKind, code: [u8; 4]) -> Result<Self, BadTag> {
        let formats = match kind {
            TrackKind::Video => [Self::Avc, Self::Hevc, Self::Av1, Self::Vp9].as_slice(),
            TrackKind::Audio => &[Self::Aac, Self::Opus],
        };
        let found = formats.iter().find(|format| *format.four_cc() == code);
        found.copied().ok_or_else(|| refusal(kind, Foreign::FourCc(code)))
    }

    pub(super) fn four_cc(self) -> &'static [u8; 4] {
        match self {
            Self::Avc => b"avc1",
            Self::Hevc => b"hvc1",
            Self::Av1 => b"av01",
            Self::Vp9 => b"vp09",
            Self::Aac => b"mp4a",
            Self::Opus => b"Opus",
        }
    }

    /// Whether its pictures say when they are shown, which is not always when they are decoded.
    pub(super) fn has_composition_time(self) -> bool {
        matches!(self, Self::Avc | Self::Hevc)
    }

    /// The codec that a configuration is of.
    pub(super) fn of(config: &Config) -> Self {
        match config {
            Config::Avc(_) => Self::Avc,
            Config::Hevc(_) => Self::Hevc,
            Config::Av1(_) => Self::Av1,
            Config::Vp9(_) => Self::Vp9,
            Config::Aac(_) => Self::Aac,
            Config::Opus(_) => Self::Opus,
        }
    }

    /// A configuration of this codec.
    pub(super) fn config(self, bytes: Bytes) -> Config {
        match self {
            Self::Avc => Config::Avc(bytes),
            Self::Hevc => Config::Hevc(bytes),
            Self::Av1 => Config::Av1(bytes),
            Self::Vp9 => Config::Vp9(bytes),
            Self::Aac => Config::Aac(bytes),
            Self::Opus => Config::Opus(bytes),
        }
    }
}

fn refusal(kind: TrackKind, codec: Foreign) -> BadTag {
    match kind {
        TrackKind::Video => BadTag::VideoCodec(codec),
        TrackKind::Audio => BadTag::AudioCodec(codec),
    }
}
