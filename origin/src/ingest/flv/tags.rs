//! The tags of one publisher, in the order in which they came.

use std::time::Duration;

use bytes::Bytes;

use super::bad::BadTag;
use super::clock::Clock;
use super::format::Format;
use super::obu;
use super::packet::{self, Packet};
use crate::media::{AccessUnit, Millis, TrackId, TrackKind, Unit};

/// How long an encoder's media may come before its configuration.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the tags of one publisher.
#[derive(Debug)]
pub struct Tags {
    clock: Clock,
    video: Track,
    audio: Track,
}

#[derive(Debug)]
struct Track {
    id: TrackId,
    format: Option<Format>,
    /// Since when samples come that nobody can decode.
    lost: Option<Millis>,
}

/// Tags of `v0` and `a0`.
impl Default for Tags {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            video: Track::new(TrackId::VIDEO),
            audio: Track::new(TrackId::AUDIO),
        }
    }
}

impl Tags {
    /// Tags of the video track and the audio track of that number.
    pub fn of_rendition(number: u8) -> Option<Self> {
        Some(Self {
            clock: Clock::default(),
            video: Track::new(TrackId::new(TrackKind::Video, number)?),
            audio: Track::new(TrackId::new(TrackKind::Audio, number)?),
        })
    }

    /// What a video tag holds; `None` where that is neither configuration nor picture. `time` is the tag's timestamp.
    pub fn video(&mut self, time: u32, tag: &[u8]) -> Result<Option<Unit>, BadTag> {
        match packet::video(tag)? {
            Some(packet) => self.video.take(&mut self.clock, time, packet),
            None => Ok(None),
        }
    }

    /// What an audio tag holds; `None` where that is neither configuration nor sound.
    pub fn audio(&mut self, time: u32, tag: &[u8]) -> Result<Option<Unit>, BadTag> {
        match packet::audio(tag)? {
            Some(packet) => self.audio.take(&mut self.clock, time, packet),
            None => Ok(None),
        }
    }
}

impl Track {
    fn new(id: TrackId) -> Self {
        Self {
            id,
            format: None,
            lost: None,
        }
    }

    fn take(&mut self, clock: &mut Clock, time: u32, packet: Packet<'_>) -> Result<Option<Unit>, BadTag> {
        let kind = self.id.kind();
        match packet {
            Packet::Start(_, []) => Err(BadTag::NoConfig(kind)),
            Packet::Start(format, config) => {
                self.format = Some(format);
                self.lost = None;
                let config = format.config(Bytes::copy_from_slice(config));
                Ok(Some(Unit::Config(self.id, config)))
            }
            Packet::Sample {
                format,
                keyframe,
                composition_offset,
                data,
            } => {
                let decode_time = clock.read(time);
                if self.format != Some(format) {
                    // Nobody can decode it. An encoder that began in the middle sends the configuration soon.
                    let since = *self.lost.get_or_insert(decode_time);
                    return if decode_time.since(since) > PATIENCE {
                        Err(BadTag::Unconfigured(kind, PATIENCE))
                    } else {
                        Ok(None)
                    };
                }
                // Copied, so that a small sample keeps no large message in memory.
                let data = match format {
                    Format::Av1 => obu::without_delimiters(data),
                    _ => Bytes::copy_from_slice(data),
                };
                let sample = AccessUnit {
                    track: self.id,
                    decode_time,
                    composition_offset,
                    keyframe,
                    data,
                };
                Ok((!sample.data.is_empty()).then_some(Unit::Sample(sample)))
            }
        }
    }
}
