//! FLV tags become units (Adobe's "Video File Format 10.1", annex E.4: `AUDIODATA` and `VIDEODATA`).
//!
//! H.264 and AAC so far. Every other codec, and every packet of Enhanced RTMP, is refused by name.

use std::fmt;

use bytes::Bytes;

use crate::media::{AccessUnit, Config, Millis, TrackId, TrackKind, Unit};

const AVC: u8 = 7;
const AAC: u8 = 10;

/// Set in a video tag's first byte where Enhanced RTMP begins: a four-character code instead of a codec id.
const ENHANCED_VIDEO: u8 = 0x80;
/// The sound format that says the same of an audio tag.
const ENHANCED_AUDIO: u8 = 9;

/// Why a tag cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTag {
    #[error("{0} is not supported: send H.264 video")]
    VideoCodec(Codec),
    #[error("{0} is not supported: send AAC audio")]
    AudioCodec(Codec),
    #[error("a {0:?} tag is cut short")]
    Cut(TrackKind),
    #[error("a {0:?} tag of unknown packet type {1}")]
    PacketType(TrackKind, u8),
    #[error("a video tag of unknown frame type {0}")]
    FrameType(u8),
    #[error("a {0:?} configuration that is empty")]
    NoConfig(TrackKind),
}

/// A codec that we do not take, as the encoder names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// By FLV's number.
    Number(TrackKind, u8),
    /// By Enhanced RTMP's four characters.
    FourCc([u8; 4]),
    /// Enhanced RTMP, several tracks in one message or some other extension.
    Enhanced,
}

impl fmt::Display for Codec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use TrackKind::{Audio, Video};
        match self {
            Self::Number(Video, 2) => out.write_str("Sorenson H.263"),
            Self::Number(Video, 4 | 5) => out.write_str("VP6"),
            Self::Number(Video, 12) => out.write_str("HEVC"),
            Self::Number(Video, 13) => out.write_str("AV1"),
            Self::Number(Audio, 0 | 3) => out.write_str("PCM"),
            Self::Number(Audio, 2 | 14) => out.write_str("MP3"),
            Self::Number(Audio, 11) => out.write_str("Speex"),
            Self::Number(kind, number) => write!(out, "{kind:?} codec {number}"),
            Self::FourCc(code) => out.write_str(four_cc_name(*code)),
            Self::Enhanced => out.write_str(UNKNOWN),
        }
    }
}

/// The codec behind a four-character code of Enhanced RTMP v2. What the peer wrote is not repeated: it may be anything.
fn four_cc_name(code: [u8; 4]) -> &'static str {
    match &code {
        b"hvc1" => "HEVC",
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"Opus" => "Opus",
        b"fLaC" => "FLAC",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"avc1" => "H.264 as Enhanced RTMP",
        b"mp4a" => "AAC as Enhanced RTMP",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "this kind of Enhanced RTMP";

/// Reads the tags of one publisher, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Tags {
    clock: Clock,
    video: bool,
    audio: bool,
}

impl Tags {
    /// What a video tag holds; `None` where that is neither configuration nor picture.
    pub(super) fn video(&mut self, time: u32, tag: &[u8]) -> Result<Option<Unit>, BadTag> {
        let cut = BadTag::Cut(TrackKind::Video);
        let Some((&head, body)) = tag.split_first() else {
            return Ok(None);
        };
        let (frame, codec) = (head >> 4, head & 0x0f);
        if head & ENHANCED_VIDEO != 0 {
            // Several tracks (6) and extensions (7) have something else before the code.
            return Err(BadTag::VideoCodec(enhanced(body, codec < 6)));
        }
        if codec != AVC {
            return Err(BadTag::VideoCodec(Codec::Number(TrackKind::Video, codec)));
        }
        let keyframe = match frame {
            1 | 4 => true,
            2 | 3 => false,
            // A command to a player, about seeking.
            5 => return Ok(None),
            unknown => return Err(BadTag::FrameType(unknown)),
        };
        let (&packet, body) = body.split_first().ok_or_else(|| cut.clone())?;
        if packet == 2 {
            return Ok(None);
        }
        let (composition, data) = body.split_first_chunk::<3>().ok_or(cut)?;
        match packet {
            0 => {
                self.video = true;
                let avcc = config(TrackKind::Video, data)?;
                Ok(Some(Unit::Config(TrackId::VIDEO, Config::Avc(avcc))))
            }
            1 => Ok(self.sample(TrackId::VIDEO, time, signed(*composition), keyframe, data)),
            unknown => Err(BadTag::PacketType(TrackKind::Video, unknown)),
        }
    }

    /// What an audio tag holds; `None` where that is neither configuration nor sound.
    pub(super) fn audio(&mut self, time: u32, tag: &[u8]) -> Result<Option<Unit>, BadTag> {
        let Some((&head, body)) = tag.split_first() else {
            return Ok(None);
        };
        let format = head >> 4;
        if format == ENHANCED_AUDIO {
            // Several tracks (5) and extensions (7) have something else before the code.
            return Err(BadTag::AudioCodec(enhanced(body, head & 0x0f < 5)));
        }
        if format != AAC {
            return Err(BadTag::AudioCodec(Codec::Number(TrackKind::Audio, format)));
        }
        let (&packet, data) = body.split_first().ok_or(BadTag::Cut(TrackKind::Audio))?;
        match packet {
            0 => {
                self.audio = true;
                let asc = config(TrackKind::Audio, data)?;
                Ok(Some(Unit::Config(TrackId::AUDIO, Config::Aac(asc))))
            }
            1 => Ok(self.sample(TrackId::AUDIO, time, 0, true, data)),
            unknown => Err(BadTag::PacketType(TrackKind::Audio, unknown)),
        }
    }

    /// A sample, unless it is empty or nobody can decode it for want of a configuration.
    fn sample(
        &mut self,
        track: TrackId,
        time: u32,
        offset: i32,
        keyframe: bool,
        data: &[u8],
    ) -> Option<Unit> {
        let decode_time = self.clock.read(time);
        let configured = match track.kind() {
            TrackKind::Video => self.video,
            TrackKind::Audio => self.audio,
        };
        (configured && !data.is_empty()).then(|| {
            // Copied, so that a small sample keeps no large message in memory.
            let data = Bytes::copy_from_slice(data);
            Unit::Sample(AccessUnit {
                track,
                decode_time,
                composition_offset: offset,
                keyframe,
                data,
            })
        })
    }
}

fn config(kind: TrackKind, data: &[u8]) -> Result<Bytes, BadTag> {
    if data.is_empty() {
        Err(BadTag::NoConfig(kind))
    } else {
        Ok(Bytes::copy_from_slice(data))
    }
}

fn enhanced(body: &[u8], has_four_cc: bool) -> Codec {
    body.first_chunk()
        .filter(|_| has_four_cc)
        .map_or(Codec::Enhanced, |four| Codec::FourCc(*four))
}

/// A signed number of 24 bits.
fn signed([high, middle, low]: [u8; 3]) -> i32 {
    i32::from_be_bytes([high, middle, low, 0]) >> 8
}

/// A publisher's clock, unwrapped.
///
/// RTMP's timestamps have 32 bits and begin again at 0 after 49.7 days. The step from one to the
/// next is taken the shorter way round, forwards or back.
#[derive(Debug, Default)]
struct Clock(Option<(u32, Millis)>);

impl Clock {
    /// Where the first timestamp 0 would be: far enough from 0 that a step back stays a step back.
    const START: u64 = 1 << 32;

    fn read(&mut self, wire: u32) -> Millis {
        let time = match self.0 {
            None => Self::START + u64::from(wire),
            Some((before, time)) => {
                let step = wire.wrapping_sub(before).cast_signed();
                time.0.saturating_add_signed(step.into())
            }
        };
        self.0 = Some((wire, Millis(time)));
        Millis(time)
    }
}

#[cfg(test)]
mod tests;
