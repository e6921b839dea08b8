//! AAC: the `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1) of a track.

use bytes::Bytes;
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{Audio, Codec, Esds, FixedPoint, Mp4a};
use wire::id::{TrackId, TrackKind};

use super::super::description::{AudioDescription, TrackDescription};
use super::super::error::PackageError;
use super::MAX_CONFIG_BYTES;
use super::bits::Bits;

const AAC_MAIN: u32 = 1;
const AAC_LTP: u32 = 4;
/// Spectral band replication: HE-AAC.
const SBR: u32 = 5;
/// SBR with parametric stereo: HE-AAC v2.
const PARAMETRIC_STEREO: u32 = 29;

/// An audio track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Aac {
    asc: Bytes,
    object_type: u32,
    sample_rate: u32,
    channels: u8,
    frame: u32,
}

impl Aac {
    /// Reads an `AudioSpecificConfig`.
    pub(in super::super) fn read(asc: &Bytes) -> Result<Self, PackageError> {
        if asc.len() > MAX_CONFIG_BYTES {
            return Err(bad(format!(
                "{} bytes are more than {MAX_CONFIG_BYTES}",
                asc.len()
            )));
        }
        let Header {
            object_type,
            core_type,
            core_rate,
            sample_rate,
            channels,
            short_frames,
        } = Header::read(asc)
            .ok_or_else(|| bad("it ends early, or its sample rate is reserved".to_owned()))?;
        if !(AAC_MAIN..=AAC_LTP).contains(&core_type) {
            return Err(bad(format!("audio object type {core_type} is not AAC")));
        }
        if !(8_000..=96_000).contains(&sample_rate) || ![core_rate, 2 * core_rate].contains(&sample_rate) {
            return Err(bad(format!(
                "a sample rate of {sample_rate} Hz over {core_rate} Hz"
            )));
        }
        let channels = match channels {
            1 if object_type == PARAMETRIC_STEREO => 2,
            count @ 1..=6 => count,
            7 => 8,
            _ => {
                return Err(bad(format!(
                    "channel configuration {channels}: send stereo or 5.1"
                )));
            }
        };
        let core_frame = if short_frames { 960 } else { 1024 };
        // Counted as heard: twice as many where the upper band is replicated.
        let frame = core_frame * (sample_rate / core_rate);
        Ok(Self {
            asc: asc.clone(),
            object_type,
            sample_rate,
            channels,
            frame,
        })
    }

    /// Samples in one frame, as heard.
    pub(in super::super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Units of media time in a second: samples.
    pub(in super::super) fn timescale(&self) -> u32 {
        self.sample_rate
    }

    pub(in super::super) fn describe(&self, track: TrackId) -> TrackDescription {
        TrackDescription {
            track,
            codecs: format!("mp4a.40.{}", self.object_type),
            timescale: self.sample_rate,
            video: None,
            audio: Some(AudioDescription {
                sample_rate: self.sample_rate,
                channels: self.channels,
            }),
        }
    }

    /// Its entry in the sample table.
    pub(in super::super) fn sample_entry(&self) -> Codec {
        let decoder = DecoderConfig {
            object_type_indication: 0x40, // MPEG-4 audio
            stream_type: 5,               // audio
            dec_specific: Some(DecoderSpecific {
                raw: self.asc.to_vec(),
                ..DecoderSpecific::default()
            }),
            ..DecoderConfig::default()
        };
        let descriptor = EsDescriptor {
            es_id: 1,
            dec_config: decoder,
            sl_config: SLConfig {},
            ..EsDescriptor::default()
        };
        // The field holds 16 bits of hertz: a rate beyond it is 0, and the configuration tells.
        let sample_rate = FixedPoint::from(u16::try_from(self.sample_rate).unwrap_or(0));
        let audio = Audio {
            data_reference_index: 1,
            channel_count: u16::from(self.channels),
            sample_size: 16,
            sample_rate,
        };
        Mp4a {
            audio,
            esds: Esds { es_desc: descriptor },
            btrt: None,
            taic: None,
        }
        .into()
    }
}

/// The first fields of a configuration.
struct Header {
    /// As signalled: 5 or 29 where the core is wrapped.
    object_type: u32,
    core_type: u32,
    core_rate: u32,
    /// As heard.
    sample_rate: u32,
    channels: u8,
    short_frames: bool,
}

impl Header {
    fn read(asc: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(asc);
        let object_type = read_object_type(&mut bits)?;
        let core_rate = read_sample_rate(&mut bits)?;
        let channels = u8::try_from(bits.take(4)?).ok()?;
        let wrapped = matches!(object_type, SBR | PARAMETRIC_STEREO);
        let (sample_rate, core_type) = if wrapped {
            (read_sample_rate(&mut bits)?, read_object_type(&mut bits)?)
        } else {
            (core_rate, object_type)
        };
        let short_frames = bits.flag().unwrap_or(false);
        Some(Self {
            object_type,
            core_type,
            core_rate,
            sample_rate,
            channels,
            short_frames,
        })
    }
}

fn read_object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        object_type => Some(object_type),
    }
}

fn read_sample_rate(bits: &mut Bits<'_>) -> Option<u32> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    let rate = match bits.take(4)? {
        15 => bits.take(24)?,
        index => *RATES.get(usize::try_from(index).ok()?)?,
    };
    (rate > 0).then_some(rate)
}

fn bad(why: String) -> PackageError {
    PackageError::BadConfig {
        kind: TrackKind::Audio,
        why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &'static [u8]) -> Result<Aac, PackageError> {
        Aac::read(&Bytes::from_static(bytes))
    }

    #[test]
    fn low_complexity_stereo_is_what_encoders_send() {
        let aac = read(&[0x11, 0x90]).unwrap();
        let description = aac.describe(TrackId::AUDIO);

        assert_eq!(description.codecs, "mp4a.40.2");
        assert_eq!(
            description.audio,
            Some(AudioDescription {
                sample_rate: 48_000,
                channels: 2
            })
        );
        assert_eq!(aac.frame(), 1024);
    }

    #[test]
    fn high_efficiency_counts_samples_as_they_are_heard() {
        // Type 5 over 24 kHz, extended to 48 kHz, core type 2.
        let aac = read(&[0x2B, 0x11, 0x88, 0x00]).unwrap();

        assert_eq!(aac.describe(TrackId::AUDIO).codecs, "mp4a.40.5");
        assert_eq!(aac.timescale(), 48_000);
        assert_eq!(aac.frame(), 2048);
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes| read(bytes).unwrap_err().to_string();

        assert!(refusal(&[0x11, 0x80]).contains("channel configuration 0"));
        assert!(refusal(&[0x4D, 0x90]).contains("object type 9"));
        assert!(refusal(&[0x11]).contains("ends early"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(aac) = Aac::read(&bytes.into()) {
                prop_assert!(aac.frame() > 0 && aac.timescale() > 0);
                let _ = aac.sample_entry();
            }
        }
    }
}
