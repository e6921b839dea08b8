//! What codecs say of themselves, read from configurations that a stranger sent.

mod aac;
mod av1;
mod avc;
mod bits;
mod hevc;
mod nal;
mod opus;
mod picture;
#[cfg(test)]
mod samples;
mod vp9;

use mp4_atom::Encode;
use wire::id::{TrackId, TrackKind};

use self::aac::Aac;
use self::av1::Av1;
use self::avc::Avc;
use self::hevc::Hevc;
use self::opus::Opus;
use self::vp9::Vp9;
use super::description::{TrackDescription, VideoDescription};
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
    Hevc(Hevc),
    Av1(Av1),
    Vp9(Vp9),
    Aac(Aac),
    Opus(Opus),
}

/// The picture of a video track that begins with that keyframe, before any of it is packaged; `None` where that could
/// not be.
pub fn picture(config: &Config, keyframe: &[u8]) -> Option<VideoDescription> {
    let codec = Codec::read(config, keyframe).ok()?;
    codec.describe(TrackId::VIDEO).video
}

impl Codec {
    /// Whether tracks so configured can be packaged, as far as is known before their first sample.
    pub(super) fn check(config: &Config) -> Result<(), PackageError> {
        bound(config)?;
        match config {
            Config::Av1(bytes) => Av1::check(bytes),
            Config::Vp9(bytes) => Vp9::check(bytes),
            Config::Avc(_) | Config::Hevc(_) | Config::Aac(_) | Config::Opus(_) => {
                Self::read(config, &[]).map(drop)
            }
        }
    }

    /// Reads the configuration of a track that begins with this sample: some codecs leave the picture's size to it.
    pub(super) fn read(config: &Config, first: &[u8]) -> Result<Self, PackageError> {
        bound(config)?;
        let codec = match config {
            Config::Avc(bytes) => Avc::read(bytes).map(Self::Avc),
            Config::Hevc(bytes) => Hevc::read(bytes).map(Self::Hevc),
            Config::Av1(bytes) => Av1::read(bytes, first).map(Self::Av1),
            Config::Vp9(bytes) => Vp9::read(bytes, first).map(Self::Vp9),
            Config::Aac(bytes) => Aac::read(bytes).map(Self::Aac),
            Config::Opus(bytes) => Opus::read(bytes).map(Self::Opus),
        }?;
        // Whatever is read can be written: whoever writes an init segment relies on it.
        let written = codec.sample_entry().encode(&mut Vec::new());
        written.map_err(|error| PackageError::BadConfig {
            kind: config.kind(),
            why: format!("it cannot be put into an init segment: {error}"),
        })?;
        Ok(codec)
    }

    /// Units of media time in a second.
    pub(super) fn timescale(&self) -> u32 {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => VIDEO_TIMESCALE,
            Self::Aac(aac) => aac.timescale(),
            Self::Opus(_) => opus::SAMPLE_RATE,
        }
    }

    /// How long a sample lasts as a rule, in units of the timescale. Never 0.
    pub(super) fn frame(&self) -> u32 {
        match self {
            Self::Avc(avc) => avc.picture.frame(),
            Self::Hevc(hevc) => hevc.picture.frame(),
            Self::Av1(av1) => av1.picture.frame(),
            Self::Vp9(vp9) => vp9.picture.frame(),
            Self::Aac(aac) => aac.frame(),
            Self::Opus(_) => Opus::frame(),
        }
    }

    /// How long this sample lasts, in units of the timescale: exactly for sound, as a rule for pictures. Never 0.
    pub(super) fn duration(&self, sample: &[u8]) -> u32 {
        match self {
            Self::Opus(_) => Opus::samples(sample),
            _ => self.frame(),
        }
    }

    /// Whether decoding can go on with that keyframe as the track was described.
    pub(super) fn goes_on_as(&self, keyframe: &[u8]) -> bool {
        match self {
            Self::Av1(av1) => av1.goes_on_as(keyframe),
            Self::Vp9(vp9) => vp9.goes_on_as(keyframe),
            // Their pictures have a size only in a configuration, which would come again.
            Self::Avc(_) | Self::Hevc(_) | Self::Aac(_) | Self::Opus(_) => true,
        }
    }

    /// What players are told of a track so configured.
    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        match self {
            Self::Avc(avc) => avc.describe(track),
            Self::Hevc(hevc) => hevc.describe(track),
            Self::Av1(av1) => av1.describe(track),
            Self::Vp9(vp9) => vp9.describe(track),
            Self::Aac(aac) => aac.describe(track),
            Self::Opus(opus) => opus.describe(track),
        }
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> mp4_atom::Codec {
        match self {
            Self::Avc(avc) => avc.sample_entry(),
            Self::Hevc(hevc) => hevc.sample_entry(),
            Self::Av1(av1) => av1.sample_entry(),
            Self::Vp9(vp9) => vp9.sample_entry(),
            Self::Aac(aac) => aac.sample_entry(),
            Self::Opus(opus) => opus.sample_entry(),
        }
    }
}

fn bound(config: &Config) -> Result<(), PackageError> {
    let bytes = config.bytes().len();
    if bytes > MAX_CONFIG_BYTES {
        return Err(bad(
            config.kind(),
            format!("{bytes} bytes are more than {MAX_CONFIG_BYTES}"),
        ));
    }
    Ok(())
}

fn bad_video(why: impl Into<String>) -> PackageError {
    bad(TrackKind::Video, why)
}

fn bad_audio(why: impl Into<String>) -> PackageError {
    bad(TrackKind::Audio, why)
}

fn bad(kind: TrackKind, why: impl Into<String>) -> PackageError {
    let why = why.into();
    PackageError::BadConfig { kind, why }
}

/// Whether an entry of the sample table can be written.
#[cfg(test)]
fn written(entry: mp4_atom::Codec) -> bool {
    use mp4_atom::{Encode, Stsd};
    Stsd { codecs: vec![entry] }.encode(&mut Vec::new()).is_ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn sound_lasts_as_long_as_its_packets_tell() {
        let head = Bytes::from_static(b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00");
        let opus = Codec::read(&Config::Opus(head), &[]).unwrap();
        assert_eq!(opus.duration(&[0xf9]), 1920);
        let aac = Codec::read(&Config::Aac(Bytes::from_static(&[0x11, 0x90])), &[]).unwrap();
        assert_eq!(aac.duration(&[0xf9]), 1024);
    }

    #[test]
    fn no_configuration_is_read_that_is_longer_than_any_encoders() {
        let long = || Bytes::from(vec![0; MAX_CONFIG_BYTES + 1]);
        for config in [Config::Avc(long()), Config::Vp9(long()), Config::Opus(long())] {
            for refusal in [Codec::check(&config), Codec::read(&config, &[]).map(drop)] {
                let refusal = refusal.unwrap_err().to_string();
                assert!(refusal.contains("16385 bytes are more than 16384"), "{refusal}");
            }
        }
    }
}
