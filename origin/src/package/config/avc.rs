//! H.264: the decoder configuration record (ISO/IEC 14496-15 §5.3.3.1) of a track.

mod sps;

use bytes::Bytes;
use mp4_atom::{Atom, Avc1, Avcc, Codec};
use wire::id::TrackId;

use super::super::description::TrackDescription;
use super::super::error::PackageError;
use super::bad_video;
use super::picture::Picture;

/// A video track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Avc {
    avcc: Avcc,
    pub(super) picture: Picture,
    codecs: String,
}

impl Avc {
    /// Reads the body of an `avcC` box.
    pub(super) fn read(config: &Bytes) -> Result<Self, PackageError> {
        let avcc = Avcc::decode_body(&mut config.as_ref()).map_err(|error| bad_video(error.to_string()))?;
        if avcc.length_size == 3 {
            return Err(bad_video("lengths of NAL units take 3 bytes, not 1, 2 or 4"));
        }
        let nal = avcc
            .sequence_parameter_sets
            .first()
            .ok_or_else(|| bad_video("no parameter set in it"))?;
        let picture = sps::read(nal).ok_or_else(|| bad_video("its parameter set cannot be read"))?;
        let [_, profile, constraints, level, ..] = nal.as_slice() else {
            return Err(bad_video("its parameter set is too short"));
        };
        let codecs = format!("avc1.{profile:02x}{constraints:02x}{level:02x}");
        Ok(Self {
            avcc,
            picture,
            codecs,
        })
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        self.picture.describe(track, self.codecs.clone())
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> Codec {
        Avc1 {
            visual: self.picture.visual(),
            avcc: self.avcc.clone(),
            colr: self.picture.colr(),
            pasp: self.picture.pasp(),
            ..Avc1::default()
        }
        .into()
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
        assert!(refusal(vec![]).starts_with("the video configuration cannot be used: "));
    }
}
