//! Opus: the identification header (RFC 7845 §5.1) of a track, and how long its packets last (RFC 6716 §3).

use bytes::{Buf, Bytes};
use mp4_atom::{Audio, Codec, Dops, OpusChannelMapping};
use wire::id::TrackId;

use super::super::description::{AudioDescription, TrackDescription};
use super::super::error::PackageError;
use super::bad_audio;

/// Opus always decodes to this many samples a second.
pub(super) const SAMPLE_RATE: u32 = 48_000;
/// 20 ms: what encoders send, and what a packet lasts that does not tell.
const USUAL_PACKET: u32 = 960;
/// 120 ms: the longest packet that there is.
const LONGEST_PACKET: u32 = 5760;

/// An audio track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Opus {
    dops: Dops,
}

impl Opus {
    /// Reads an identification header.
    pub(super) fn read(config: &Bytes) -> Result<Self, PackageError> {
        let header = config
            .strip_prefix(b"OpusHead")
            .ok_or_else(|| bad_audio("it does not begin with OpusHead"))?;
        let dops = read_header(header).ok_or_else(|| bad_audio("it ends early"))??;
        Ok(Self { dops })
    }

    /// Samples in one packet, as a rule.
    pub(super) fn frame() -> u32 {
        USUAL_PACKET
    }

    /// Samples in this packet: how many frames of which length its first byte tells.
    pub(super) fn samples(packet: &[u8]) -> u32 {
        let Some(&first) = packet.first() else {
            return USUAL_PACKET;
        };
        let frame = match (first >> 3, first >> 3 & 0b11) {
            (0..12, 3) => 2880,
            (0..12, length) => 480 << length,
            (12..16, length) => 480 << (length & 1),
            (_, length) => 120 << length,
        };
        let frames = match first & 0b11 {
            0 => 1,
            1 | 2 => 2,
            _ => packet.get(1).map_or(1, |count| u32::from(count & 0x3f)),
        };
        let samples = frame * frames;
        if (1..=LONGEST_PACKET).contains(&samples) {
            samples
        } else {
            USUAL_PACKET
        }
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        TrackDescription {
            track,
            codecs: "opus".to_owned(),
            timescale: SAMPLE_RATE,
            video: None,
            audio: Some(AudioDescription {
                sample_rate: SAMPLE_RATE,
                channels: self.dops.output_channel_count,
            }),
        }
    }

    /// Its entry in the sample table ("Encapsulation of Opus in ISO Base Media File Format" §4.3).
    pub(super) fn sample_entry(&self) -> Codec {
        let audio = Audio {
            data_reference_index: 1,
            channel_count: u16::from(self.dops.output_channel_count),
            sample_size: 16,
            sample_rate: 48_000_u16.into(),
        };
        mp4_atom::Opus {
            audio,
            dops: self.dops.clone(),
            btrt: None,
        }
        .into()
    }
}

/// What is behind the magic; `None` where it ends before that.
fn read_header(mut header: &[u8]) -> Option<Result<Dops, PackageError>> {
    let version = header.try_get_u8().ok()?;
    let channels = header.try_get_u8().ok()?;
    let pre_skip = header.try_get_u16_le().ok()?;
    let input_sample_rate = header.try_get_u32_le().ok()?;
    let output_gain = header.try_get_i16_le().ok()?;
    let family = header.try_get_u8().ok()?;
    if version >> 4 != 0 {
        return Some(Err(bad_audio(format!("version {version} of the header"))));
    }
    let channel_mapping = match (family, channels) {
        (0, 1..=2) => None,
        (1, 1..=8) => {
            let (stream_count, coupled_count) = (header.try_get_u8().ok()?, header.try_get_u8().ok()?);
            let channel_mapping = header.get(..usize::from(channels))?.to_vec();
            let decoded = u16::from(stream_count) + u16::from(coupled_count);
            let exists = |channel: &u8| *channel == 255 || u16::from(*channel) < decoded;
            if stream_count == 0 || coupled_count > stream_count || !channel_mapping.iter().all(exists) {
                return Some(Err(bad_audio(
                    "its channels are mapped to streams that are not there",
                )));
            }
            if decoded > 255 {
                return Some(Err(bad_audio(format!("it decodes to {decoded} channels"))));
            }
            Some(OpusChannelMapping {
                family,
                stream_count,
                coupled_count,
                channel_mapping,
            })
        }
        _ => {
            return Some(Err(bad_audio(format!(
                "{channels} channels in mapping family {family}: send stereo or 5.1"
            ))));
        }
    };
    Some(Ok(Dops {
        output_channel_count: channels,
        pre_skip,
        input_sample_rate,
        output_gain,
        channel_mapping,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEREO: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00";
    const SURROUND: &[u8] =
        b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05";

    #[test]
    fn stereo_and_surround_are_read() {
        let stereo = Opus::read(&STEREO.into()).unwrap();
        let description = stereo.describe(TrackId::AUDIO);
        assert_eq!(description.codecs, "opus");
        assert_eq!(
            description.audio,
            Some(AudioDescription {
                sample_rate: 48_000,
                channels: 2
            })
        );
        assert_eq!(
            (stereo.dops.pre_skip, stereo.dops.input_sample_rate),
            (312, 48_000)
        );

        let surround = Opus::read(&SURROUND.into()).unwrap();
        assert_eq!(surround.describe(TrackId::AUDIO).audio.unwrap().channels, 6);
        assert_eq!(
            surround.dops.channel_mapping.unwrap().channel_mapping,
            [0, 4, 1, 2, 3, 5]
        );
    }

    /// The first byte of packets: one of 32 configurations, how many frames there are.
    fn toc(configuration: u8, frames: u8) -> u8 {
        configuration << 3 | frames
    }

    #[test]
    fn a_packet_tells_how_long_it_lasts() {
        let ms = |packet: &[u8]| f64::from(Opus::samples(packet)) / 48.0;
        for (packet, expected) in [
            (&[toc(0, 0)][..], 10.0),
            (&[toc(11, 0)], 60.0),
            (&[toc(13, 0)], 20.0),
            (&[toc(16, 0)], 2.5),
            (&[toc(31, 0)], 20.0),
            (&[toc(31, 1)], 40.0),
            (&[toc(31, 2)], 40.0),
            (&[toc(31, 3), 0x83], 60.0),
            (&[toc(11, 3), 2], 120.0),
            // Nonsense: none, more than fit, and nothing at all.
            (&[toc(31, 3), 0], 20.0),
            (&[toc(11, 3), 3], 20.0),
            (&[], 20.0),
        ] {
            assert!(
                (ms(packet) - expected).abs() < f64::EPSILON,
                "{packet:?}: {}",
                ms(packet)
            );
        }
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes: &[u8]| {
            let bytes = Bytes::copy_from_slice(bytes);
            Opus::read(&bytes).unwrap_err().to_string()
        };
        assert!(refusal(b"OpusTags").contains("OpusHead"));
        assert!(refusal(&STEREO[..18]).contains("ends early"));
        assert!(refusal(&SURROUND[..24]).contains("ends early"));
        let changed = |place: usize, value| {
            let mut header = SURROUND.to_vec();
            header[place] = value;
            refusal(&header)
        };
        assert!(changed(8, 0x10).contains("version 16"));
        assert!(changed(18, 255).contains("6 channels in mapping family 255"));
        assert!(changed(9, 0).contains("0 channels"));
        assert!(changed(19, 0).contains("streams that are not there"));
        assert!(changed(21, 6).contains("streams that are not there"));
        let mut too_many = SURROUND.to_vec();
        too_many[19..21].fill(0xc0);
        assert!(refusal(&too_many).contains("384 channels"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..32)) {
            let header = [b"OpusHead\x01", &rest[..]].concat();
            if let Ok(opus) = Opus::read(&header.into()) {
                prop_assert!(crate::package::config::written(opus.sample_entry()), "what was read can be written");
            }
            prop_assert!((1..=LONGEST_PACKET).contains(&Opus::samples(&rest)));
        }
    }
}
