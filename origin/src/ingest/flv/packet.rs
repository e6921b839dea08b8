//! What one tag says.

use super::bad::BadTag;
use super::format::{ENHANCED_AUDIO, ENHANCED_VIDEO, Format, packet_type};
use crate::media::TrackKind;

/// The frame type of a tag that holds no picture but a command to a player, about seeking.
const COMMAND: u8 = 5;

/// A step of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// A configuration.
    Start(Format, &'a [u8]),
    /// Something to decode.
    Sample {
        format: Format,
        keyframe: bool,
        composition_offset: i32,
        data: &'a [u8],
    },
}

/// What a video tag says; `None` where that is neither configuration nor picture.
pub(super) fn video(tag: &[u8]) -> Result<Option<Packet<'_>>, BadTag> {
    let Some((&head, body)) = tag.split_first() else {
        return Ok(None);
    };
    let (frame, number) = (head >> 4 & 0b111, head & 0x0f);
    if head & ENHANCED_VIDEO != 0 {
        return enhanced_video(frame, number, body);
    }
    let format = Format::of_number(TrackKind::Video, number)?;
    if frame == COMMAND {
        return Ok(None);
    }
    let keyframe = is_keyframe(frame)?;
    let (&packet, body) = body.split_first().ok_or(CUT_VIDEO)?;
    if packet == packet_type::SEQUENCE_END {
        return Ok(None);
    }
    let (composition_offset, data) = composition_time(body)?;
    match packet {
        packet_type::SEQUENCE_START => Ok(Some(Packet::Start(format, data))),
        packet_type::CODED_FRAMES => Ok(Some(Packet::Sample {
            format,
            keyframe,
            composition_offset,
            data,
        })),
        unknown => Err(BadTag::PacketType(TrackKind::Video, unknown)),
    }
}

fn enhanced_video(frame: u8, packet: u8, body: &[u8]) -> Result<Option<Packet<'_>>, BadTag> {
    let (packet, body) = without_extensions(TrackKind::Video, packet, body)?;
    if packet == packet_type::METADATA || frame == COMMAND {
        return Ok(None);
    }
    let (packet, format, body) = if packet == packet_type::VIDEO_MULTITRACK {
        only_track(TrackKind::Video, body)?
    } else {
        let (format, body) = four_cc(TrackKind::Video, body)?;
        (packet, format, body)
    };
    let (composition_offset, data) = match packet {
        packet_type::SEQUENCE_START => return Ok(Some(Packet::Start(format, body))),
        packet_type::SEQUENCE_END | packet_type::METADATA => return Ok(None),
        packet_type::MPEG2_TS_SEQUENCE_START => return Err(BadTag::Mpeg2Ts),
        packet_type::CODED_FRAMES if format.has_composition_time() => composition_time(body)?,
        packet_type::CODED_FRAMES | packet_type::CODED_FRAMES_X => (0, body),
        unknown => return Err(BadTag::PacketType(TrackKind::Video, unknown)),
    };
    Ok(Some(Packet::Sample {
        format,
        keyframe: is_keyframe(frame)?,
        composition_offset,
        data,
    }))
}

/// Whether decoding can begin with a picture of that frame type.
fn is_keyframe(frame: u8) -> Result<bool, BadTag> {
    match frame {
        1 | 4 => Ok(true),
        2 | 3 => Ok(false),
        unknown => Err(BadTag::FrameType(unknown)),
    }
}

/// What an audio tag says; `None` where that is neither configuration nor sound.
pub(super) fn audio(tag: &[u8]) -> Result<Option<Packet<'_>>, BadTag> {
    let Some((&head, body)) = tag.split_first() else {
        return Ok(None);
    };
    let (number, low) = (head >> 4, head & 0x0f);
    let (packet, format, data) = if number == ENHANCED_AUDIO {
        let (packet, body) = without_extensions(TrackKind::Audio, low, body)?;
        match packet {
            packet_type::MULTICHANNEL_CONFIG => return Ok(None),
            packet_type::AUDIO_MULTITRACK => only_track(TrackKind::Audio, body)?,
            _ => {
                let (format, body) = four_cc(TrackKind::Audio, body)?;
                (packet, format, body)
            }
        }
    } else {
        let format = Format::of_number(TrackKind::Audio, number)?;
        let (&packet, data) = body.split_first().ok_or(CUT_AUDIO)?;
        (packet, format, data)
    };
    match packet {
        packet_type::SEQUENCE_START => Ok(Some(Packet::Start(format, data))),
        packet_type::CODED_FRAMES => Ok(Some(Packet::Sample {
            format,
            keyframe: true,
            composition_offset: 0,
            data,
        })),
        packet_type::SEQUENCE_END | packet_type::MULTICHANNEL_CONFIG if number == ENHANCED_AUDIO => Ok(None),
        unknown => Err(BadTag::PacketType(TrackKind::Audio, unknown)),
    }
}

const CUT_VIDEO: BadTag = BadTag::Cut(TrackKind::Video);
const CUT_AUDIO: BadTag = BadTag::Cut(TrackKind::Audio);

/// Passes over what stands before the packet: times finer than ours, and whatever else comes to be put there.
fn without_extensions(kind: TrackKind, mut packet: u8, mut body: &[u8]) -> Result<(u8, &[u8]), BadTag> {
    while packet == packet_type::MOD_EX {
        let skipped = || {
            let (&length, rest) = body.split_first()?;
            let (length, rest) = match usize::from(length) + 1 {
                // So long that it has two bytes more for its length.
                256 => {
                    let (length, rest) = rest.split_first_chunk()?;
                    (usize::from(u16::from_be_bytes(*length)) + 1, rest)
                }
                length => (length, rest),
            };
            rest.get(length..)?.split_first()
        };
        let (&types, rest) = skipped().ok_or(BadTag::Cut(kind))?;
        (packet, body) = (types & 0x0f, rest);
    }
    Ok((packet, body))
}

/// The track of a message for several, when it is the only one.
fn only_track(kind: TrackKind, body: &[u8]) -> Result<(u8, Format, &[u8]), BadTag> {
    const ONE_TRACK: u8 = 0;
    let (&types, body) = body.split_first().ok_or(BadTag::Cut(kind))?;
    if types >> 4 != ONE_TRACK {
        return Err(BadTag::Multitrack(kind));
    }
    let (format, body) = four_cc(kind, body)?;
    match body.split_first() {
        Some((0, body)) => Ok((types & 0x0f, format, body)),
        Some(_) => Err(BadTag::Multitrack(kind)),
        None => Err(BadTag::Cut(kind)),
    }
}

fn four_cc(kind: TrackKind, body: &[u8]) -> Result<(Format, &[u8]), BadTag> {
    let (code, body) = body.split_first_chunk().ok_or(BadTag::Cut(kind))?;
    Ok((Format::of_four_cc(kind, *code)?, body))
}

/// The signed number of 24 bits that a body begins with, in milliseconds.
fn composition_time(body: &[u8]) -> Result<(i32, &[u8]), BadTag> {
    let ([high, middle, low], data) = body.split_first_chunk().ok_or(CUT_VIDEO)?;
    Ok((i32::from_be_bytes([*high, *middle, *low, 0]) >> 8, data))
}
