//! Why a tag cannot be taken, as the encoder is told it.

use std::fmt;
use std::time::Duration;

use crate::media::TrackKind;

/// Why a tag cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTag {
    /// Video of a codec that nothing here can package.
    #[error("{0} is not supported: send H.264, HEVC, AV1 or VP9 video")]
    VideoCodec(Foreign),
    /// Sound of a codec that nothing here can package.
    #[error("{0} is not supported: send AAC or Opus audio")]
    AudioCodec(Foreign),
    /// Enhanced RTMP's way of sending more than one track of a kind.
    #[error("several {} tracks in one stream are not supported: send one", name(*.0))]
    Multitrack(TrackKind),
    /// AV1 configured by an MPEG-2 descriptor.
    #[error("AV1 as a transport stream describes it is not supported: send its av1C record")]
    Mpeg2Ts,
    /// It ends before what it says it has.
    #[error("{} tag that is cut short", name(*.0))]
    Cut(TrackKind),
    /// A step of the stream that no specification names.
    #[error("{} tag of unknown packet type {}", name(*.0), .1)]
    PacketType(TrackKind, u8),
    /// A picture of a sort that no specification names.
    #[error("video tag of unknown frame type {0}")]
    FrameType(u8),
    /// A configuration that says nothing.
    #[error("{} configuration that is empty", name(*.0))]
    NoConfig(TrackKind),
    /// Media that nobody can decode, for longer than a mistake would last.
    #[error("{} s of {} without a configuration before it", .1.as_secs(), name(*.0))]
    Unconfigured(TrackKind, Duration),
}

/// A codec that we do not take, as the encoder names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// By FLV's number.
    Number(TrackKind, u8),
    /// By Enhanced RTMP's four characters.
    FourCc([u8; 4]),
}

impl fmt::Display for Foreign {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use TrackKind::{Audio, Video};
        match self {
            Self::Number(Video, 2) => out.write_str("Sorenson H.263"),
            Self::Number(Video, 3 | 6) => out.write_str("Screen video"),
            Self::Number(Video, 4 | 5) => out.write_str("VP6"),
            Self::Number(Video, 13) => out.write_str("AV1 by a number instead of Enhanced RTMP"),
            Self::Number(Audio, 0 | 3) => out.write_str("PCM"),
            Self::Number(Audio, 1) => out.write_str("ADPCM"),
            Self::Number(Audio, 2 | 14) => out.write_str("MP3"),
            Self::Number(Audio, 4..=6) => out.write_str("Nellymoser"),
            Self::Number(Audio, 7 | 8) => out.write_str("G.711"),
            Self::Number(Audio, 11) => out.write_str("Speex"),
            Self::Number(kind, number) => write!(out, "{} codec {number}", name(*kind)),
            Self::FourCc(code) => out.write_str(four_cc_name(*code)),
        }
    }
}

/// The codec behind a four-character code. What the peer wrote is not repeated: it may be anything.
fn four_cc_name(code: [u8; 4]) -> &'static str {
    match &code {
        b"vp08" => "VP8",
        b"vvc1" => "VVC",
        b"fLaC" => "FLAC",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        _ => "this codec of Enhanced RTMP",
    }
}

fn name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    }
}
