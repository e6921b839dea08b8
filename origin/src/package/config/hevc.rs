//! HEVC: the decoder configuration record (ISO/IEC 14496-15 §8.3.3.1) of a track.

mod profile;
mod reference;
mod sps;

use bytes::Bytes;
use mp4_atom::{Atom, Codec, Hvc1, Hvcc};
use wire::id::TrackId;

use super::super::description::TrackDescription;
use super::super::error::PackageError;
use super::bad_video;
use super::picture::Picture;

/// Types of NAL units: the parameter sets of a stream, a sequence and a picture.
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;

/// A video track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Hevc {
    hvcc: Hvcc,
    pub(super) picture: Picture,
    codecs: String,
}

impl Hevc {
    /// Reads the body of an `hvcC` box.
    pub(super) fn read(config: &Bytes) -> Result<Self, PackageError> {
        let mut hvcc =
            Hvcc::decode_body(&mut config.as_ref()).map_err(|error| bad_video(error.to_string()))?;
        if hvcc.length_size_minus_one == 2 {
            return Err(bad_video("lengths of NAL units take 3 bytes, not 1, 2 or 4"));
        }
        for kind in [VPS, PPS] {
            if first(&hvcc, kind).is_none() {
                return Err(bad_video(format!("no parameter set of type {kind} in it")));
            }
        }
        let sps = first(&hvcc, SPS).ok_or_else(|| bad_video("no parameter set in it"))?;
        let sps = sps::read(sps).ok_or_else(|| bad_video("its parameter set cannot be read"))?;
        // Of `hvc1` it is said that all parameter sets stand here, and not in the samples.
        for array in &mut hvcc.arrays {
            array.completeness |= matches!(array.nal_unit_type, VPS..=PPS);
        }
        Ok(Self {
            hvcc,
            codecs: format!("hvc1.{}", sps.profile),
            picture: sps.picture,
        })
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        self.picture.describe(track, self.codecs.clone())
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> Codec {
        Hvc1 {
            visual: self.picture.visual(),
            hvcc: self.hvcc.clone(),
            colr: self.picture.colr(),
            pasp: self.picture.pasp(),
            ..Hvc1::default()
        }
        .into()
    }
}

/// The first parameter set of a type.
fn first(hvcc: &Hvcc, kind: u8) -> Option<&[u8]> {
    let arrays = hvcc.arrays.iter().filter(|array| array.nal_unit_type == kind);
    arrays.flat_map(|array| &array.nalus).map(Vec::as_slice).next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::config::samples;
    use crate::package::description::Ratio;

    #[test]
    fn what_x265_writes_is_read() {
        let hevc = Hevc::read(&samples::HVCC.into()).unwrap();
        let description = hevc.describe(TrackId::VIDEO);

        assert_eq!(description.codecs, "hvc1.1.6.L60.90");
        let video = description.video.unwrap();
        assert_eq!((video.width, video.height), (320, 180));
        assert_eq!(video.frame_rate, Ratio::new(25, 1));
        assert_eq!(hevc.picture.frame(), 3600);
        assert!(hevc.picture.colr().is_some());
    }

    #[test]
    fn ten_bits_a_shape_and_an_odd_rate_are_read() {
        let hevc = Hevc::read(&samples::HVCC_10_BITS.into()).unwrap();
        let description = hevc.describe(TrackId::VIDEO);

        assert_eq!(description.codecs, "hvc1.2.4.L60.90");
        let video = description.video.unwrap();
        assert_eq!((video.width, video.height), (326, 178));
        assert_eq!(video.frame_rate, Ratio::new(30_000, 1001));
        assert_eq!(video.sar, Ratio::new(4, 3));
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes: &[u8]| {
            let bytes = Bytes::copy_from_slice(bytes);
            Hevc::read(&bytes).unwrap_err().to_string()
        };
        let mut odd_lengths = samples::HVCC.to_vec();
        odd_lengths[21] = odd_lengths[21] & !3 | 2;
        assert!(refusal(&odd_lengths).contains("3 bytes"));
        let mut none = samples::HVCC[..23].to_vec();
        none[22] = 0;
        assert!(refusal(&none).contains("no parameter set"));
        assert!(refusal(&samples::HVCC[..60]).starts_with("the video configuration cannot be used: "));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Hevc::read(&bytes.into());
        }

        #[test]
        fn a_damaged_configuration_is_read_or_refused(place in 0..samples::HVCC.len(), value: u8) {
            let mut damaged = samples::HVCC.to_vec();
            damaged[place] = value;
            let _ = Hevc::read(&damaged.into()).map(|hevc| hevc.sample_entry());
        }
    }
}
