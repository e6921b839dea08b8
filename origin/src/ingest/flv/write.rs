//! Units become tags: the other way round.

use bytes::{BufMut, Bytes, BytesMut};

use super::clock;
use super::format::{AAC, AVC, ENHANCED_AUDIO, ENHANCED_VIDEO, Format, packet_type};
use crate::media::{TrackKind, Unit};

/// The types of tags, which are those of RTMP's messages as well.
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;

/// Writes the tags of one video track and one audio track.
///
/// H.264 and AAC become tags of old, which every reader knows; what those cannot carry becomes Enhanced RTMP.
#[derive(Debug, Default)]
pub struct Writer {
    video: Option<Format>,
    audio: Option<Format>,
    /// The timestamp of the newest sample.
    time: u32,
}

impl Writer {
    /// The tag of a unit: its type, its timestamp in milliseconds, and its body. None for a sample whose
    /// configuration did not come. A configuration has the time of the sample before it.
    pub fn tag_of(&mut self, unit: &Unit) -> Option<(u8, u32, Bytes)> {
        let known = match unit.track().kind() {
            TrackKind::Video => &mut self.video,
            TrackKind::Audio => &mut self.audio,
        };
        let mut body = BytesMut::new();
        match unit {
            Unit::Config(_, config) => {
                let (format, bytes) = (Format::of(config), config.bytes());
                *known = Some(format);
                body.reserve(bytes.len() + 8);
                head(&mut body, format, packet_type::SEQUENCE_START, true, 0);
                body.put_slice(bytes);
            }
            Unit::Sample(sample) => {
                let format = (*known)?;
                self.time = clock::timestamp(sample.decode_time);
                body.reserve(sample.data.len() + 8);
                let (keyframe, offset) = (sample.keyframe, sample.composition_offset);
                head(&mut body, format, packet_type::CODED_FRAMES, keyframe, offset);
                body.put_slice(&sample.data);
            }
        }
        let kind = match unit.track().kind() {
            TrackKind::Video => VIDEO,
            TrackKind::Audio => AUDIO,
        };
        Some((kind, self.time, body.freeze()))
    }
}

/// Everything before the configuration, or the sample.
fn head(body: &mut BytesMut, format: Format, packet: u8, keyframe: bool, offset: i32) {
    let frame = if keyframe { 1 << 4 } else { 2 << 4 };
    match format {
        // 44 kHz, 16 bits, stereo, which is said of all AAC.
        Format::Aac => body.put_slice(&[AAC << 4 | 0b1111, packet]),
        Format::Avc => body.put_slice(&[frame | AVC, packet]),
        Format::Opus => body.put_u8(ENHANCED_AUDIO << 4 | packet),
        Format::Hevc | Format::Av1 | Format::Vp9 => body.put_u8(ENHANCED_VIDEO | frame | packet),
    }
    if !matches!(format, Format::Aac | Format::Avc) {
        body.put_slice(format.four_cc());
    }
    let has_offset = match format {
        Format::Avc => true,
        Format::Hevc => packet == packet_type::CODED_FRAMES,
        _ => false,
    };
    if has_offset {
        let most = (1 << 23) - 1;
        body.put_int(offset.clamp(-most, most).into(), 3);
    }
}
