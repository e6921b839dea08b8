//! H.264: the decoder configuration record (ISO/IEC 14496-15 §5.3.3.1) of a track.

use bytes::Bytes;
use mp4_atom::{Atom, Avc1, Avcc, Codec, Colr, Pasp, Visual};
use wire::id::{TrackId, TrackKind};

use super::super::description::{TrackDescription, VideoDescription};
use super::super::error::PackageError;
use super::sps::Sps;
use super::{MAX_CONFIG_BYTES, VIDEO_TIMESCALE};

/// A video track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Avc {
    avcc: Avcc,
    sps: Sps,
    codecs: String,
}

impl Avc {
    /// Reads the body of an `avcC` box.
    pub(in super::super) fn read(config: &Bytes) -> Result<Self, PackageError> {
        if config.len() > MAX_CONFIG_BYTES {
            return Err(bad(format!(
                "{} bytes are more than {MAX_CONFIG_BYTES}",
                config.len()
            )));
        }
        let avcc = Avcc::decode_body(&mut config.as_ref()).map_err(|error| bad(error.to_string()))?;
        if avcc.length_size == 3 {
            return Err(bad("lengths of NAL units take 3 bytes, not 1, 2 or 4".to_owned()));
        }
        let nal = avcc
            .sequence_parameter_sets
            .first()
            .ok_or_else(|| bad("no parameter set in it".to_owned()))?;
        let sps = Sps::read(nal).ok_or_else(|| bad("its parameter set cannot be read".to_owned()))?;
        let [_, profile, constraints, level, ..] = nal.as_slice() else {
            return Err(bad("its parameter set is too short".to_owned()));
        };
        let codecs = format!("avc1.{profile:02x}{constraints:02x}{level:02x}");
        Ok(Self { avcc, sps, codecs })
    }

    pub(in super::super) fn describe(&self, track: TrackId) -> TrackDescription {
        let Sps {
            width,
            height,
            ref details,
        } = self.sps;
        let video = VideoDescription {
            width,
            height,
            frame_rate: details.frame_rate,
            sar: details.sar,
        };
        TrackDescription {
            track,
            codecs: self.codecs.clone(),
            timescale: VIDEO_TIMESCALE,
            video: Some(video),
            audio: None,
        }
    }

    /// Its entry in the sample table.
    pub(in super::super) fn sample_entry(&self) -> Codec {
        let details = &self.sps.details;
        let visual = Visual {
            data_reference_index: 1,
            width: side(self.sps.width),
            height: side(self.sps.height),
            ..Visual::default()
        };
        let colr = details.colour.map(|colour| Colr::Nclx {
            colour_primaries: colour.primaries,
            transfer_characteristics: colour.transfer,
            matrix_coefficients: colour.matrix,
            full_range_flag: colour.full_range,
        });
        let pasp = details.sar.map(|sar| Pasp {
            h_spacing: sar.numerator(),
            v_spacing: sar.denominator(),
        });
        Avc1 {
            visual,
            avcc: self.avcc.clone(),
            colr,
            pasp,
            ..Avc1::default()
        }
        .into()
    }
}

fn side(length: u32) -> u16 {
    u16::try_from(length).expect("a parameter set with a longer side is not read")
}

fn bad(why: String) -> PackageError {
    PackageError::BadConfig {
        kind: TrackKind::Video,
        why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Avc::read(&bytes.into()).map(|avc| avc.sample_entry());
        }
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes: Vec<u8>| Avc::read(&bytes.into()).unwrap_err().to_string();

        assert!(refusal(vec![1, 100, 0, 31, 0xFF, 0xE0, 0]).contains("no parameter set"));
        assert!(refusal(vec![1, 100, 0, 31, 0xFE, 0xE0, 0]).contains("3 bytes"));
        assert!(refusal(vec![0; MAX_CONFIG_BYTES + 1]).contains("16385 bytes"));
        assert!(refusal(vec![]).starts_with("the video configuration cannot be used: "));
    }
}
