//! AAC: the `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1) of a track.

mod header;

use bytes::Bytes;
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{Audio, Codec, Esds, FixedPoint, Mp4a};
use wire::id::TrackId;

use self::header::Header;
use super::super::description::{AudioDescription, TrackDescription};
use super::super::error::PackageError;
use super::bad_audio;

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
    pub(super) fn read(asc: &Bytes) -> Result<Self, PackageError> {
        let header =
            Header::read(asc).ok_or_else(|| bad_audio("it ends early, or its sample rate is reserved"))?;
        let Header {
            object_type,
            core_type,
            core_rate,
            sample_rate,
            channels,
            short_frames,
        } = header;
        if !(header::MAIN..=header::LTP).contains(&core_type) {
            return Err(bad_audio(format!("audio object type {core_type} is not AAC")));
        }
        if !(8_000..=96_000).contains(&sample_rate) || ![core_rate, 2 * core_rate].contains(&sample_rate) {
            return Err(bad_audio(format!(
                "a sample rate of {sample_rate} Hz over {core_rate} Hz"
            )));
        }
        let channels = match channels {
            1 if object_type == header::PARAMETRIC_STEREO => 2,
            // Lists of channels, as for a 5.1 whose surround is said to be at the sides, are nothing that browsers read.
            0 => {
                return Err(bad_audio(
                    "its channels are laid out as browsers do not know: send stereo, or 5.1 with surround at the back",
                ));
            }
            _ => channels,
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
    pub(super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Units of media time in a second: samples.
    pub(super) fn timescale(&self) -> u32 {
        self.sample_rate
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
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
    pub(super) fn sample_entry(&self) -> Codec {
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
    fn high_efficiency_that_readers_of_old_do_not_notice_is_noticed() {
        // Type 2 over 24 kHz; behind it 0x2b7, type 5, 48 kHz; and in the other 0x548 with parametric stereo.
        let aac = read(&[0x13, 0x10, 0x56, 0xe5, 0x98]).unwrap();
        assert_eq!(aac.describe(TrackId::AUDIO).codecs, "mp4a.40.5");
        assert_eq!((aac.timescale(), aac.frame()), (48_000, 2048));

        let aac = read(&[0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80]).unwrap();
        let description = aac.describe(TrackId::AUDIO);
        assert_eq!(description.codecs, "mp4a.40.29");
        assert_eq!(description.audio.unwrap().channels, 2);
    }

    #[test]
    fn high_efficiency_that_nobody_told_is_timed_by_its_core() {
        let aac = read(&[0x13, 0x10]).unwrap();
        assert_eq!((aac.timescale(), aac.frame()), (24_000, 1024));
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes| read(bytes).unwrap_err().to_string();

        assert!(refusal(&[0x11, 0x80]).contains("laid out as browsers do not know"));
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
