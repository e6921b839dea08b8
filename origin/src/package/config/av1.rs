//! AV1: the codec configuration record (AV1-ISOBMFF §2.3.3) of a track.

mod obu;
mod sequence;

use bytes::Bytes;
use mp4_atom::{Atom, Av01, Av1c, Codec};
use wire::id::TrackId;

use self::sequence::Sequence;
use super::super::description::TrackDescription;
use super::super::error::PackageError;
use super::bad_video;
use super::picture::Picture;

/// A video track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Av1 {
    av1c: Av1c,
    pub(super) picture: Picture,
    codecs: String,
}

impl Av1 {
    /// Reads the body of an `av1C` box. It may leave the sequence header to the first keyframe.
    pub(super) fn read(config: &Bytes, keyframe: &[u8]) -> Result<Self, PackageError> {
        let mut av1c = read_record(config)?;
        // The picture in hand knows better what it is.
        if let Some(header) = obu::sequence_header(keyframe) {
            av1c.config_obus = header.unit.to_vec();
        }
        let header = obu::sequence_header(&av1c.config_obus)
            .ok_or_else(|| bad_video("no sequence header in it, nor in the first keyframe"))?;
        let sequence =
            Sequence::read(header.payload).ok_or_else(|| bad_video("its sequence header cannot be read"))?;
        let Sequence { codecs, picture } = sequence;
        Ok(Self {
            av1c,
            picture,
            codecs,
        })
    }

    /// Whether the body of an `av1C` box can be read, as far as is known before the first keyframe.
    pub(super) fn check(config: &Bytes) -> Result<(), PackageError> {
        if obu::sequence_header(&read_record(config)?.config_obus).is_some() {
            Self::read(config, &[])?;
        }
        Ok(())
    }

    /// Whether the keyframe is of the same sequence, or of one that looks alike.
    pub(super) fn goes_on_as(&self, keyframe: &[u8]) -> bool {
        let sequence = obu::sequence_header(keyframe).and_then(|header| Sequence::read(header.payload));
        sequence.is_none_or(|now| now.codecs == self.codecs && now.picture == self.picture)
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        self.picture.describe(track, self.codecs.clone())
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> Codec {
        Av01 {
            visual: self.picture.visual(),
            av1c: self.av1c.clone(),
            colr: self.picture.colr(),
            pasp: self.picture.pasp(),
            ..Av01::default()
        }
        .into()
    }
}

fn read_record(config: &Bytes) -> Result<Av1c, PackageError> {
    Av1c::decode_body(&mut config.as_ref()).map_err(|error| bad_video(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::config::samples;

    #[test]
    fn what_svt_av1_writes_is_read() {
        let av1 = Av1::read(&samples::AV1C.into(), &[]).unwrap();
        let description = av1.describe(TrackId::VIDEO);

        assert_eq!(description.codecs, "av01.0.00M.08");
        let video = description.video.unwrap();
        assert_eq!((video.width, video.height), (320, 180));
    }

    #[test]
    fn the_first_keyframe_tells_what_the_record_does_not() {
        let (record, header) = samples::AV1C.split_at(4);
        let record = Bytes::from_static(record);
        assert_eq!(Av1::check(&record), Ok(()));
        let keyframe = [&[0x12, 0][..], header, &[0x32, 1, 0]].concat();

        let whole = Av1::read(&samples::AV1C.into(), &[]).unwrap();
        assert_eq!(Av1::read(&record, &keyframe), Ok(whole));

        let reduced = [0x0a, 9, 0x1a, 0x20, 0, 0, 0, 0, 0, 0, 0];
        let av1 = Av1::read(&samples::AV1C.into(), &[]).unwrap();
        assert!(av1.goes_on_as(&keyframe) && av1.goes_on_as(&[0x32, 1, 0]));
        assert!(!av1.goes_on_as(&reduced));
        let other = Av1::read(&samples::AV1C.into(), &reduced).unwrap();
        assert!(other.goes_on_as(&reduced), "the picture itself is right");

        let refusal = Av1::read(&record, &[0x32, 1, 0]).unwrap_err().to_string();
        assert!(refusal.contains("no sequence header"), "{refusal}");
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes: &'static [u8]| Av1::check(&bytes.into()).unwrap_err().to_string();
        assert!(refusal(&[0x80, 0x04, 0, 0]).starts_with("the video configuration cannot be used: "));
        assert!(refusal(&samples::AV1C[..3]).starts_with("the video configuration cannot be used: "));
        assert!(refusal(&[129, 0, 12, 0, 10, 2, 0, 0]).contains("sequence header cannot be read"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            record in prop::collection::vec(any::<u8>(), 0..40),
            keyframe in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            for record in [record.clone(), [&samples::AV1C[..4], &record].concat()] {
                let record = record.into();
                let read = Av1::read(&record, &keyframe).map(|av1| av1.sample_entry());
                if let Ok(entry) = read {
                    prop_assert!(crate::package::config::written(entry), "what was read can be written");
                }
            }
        }

        #[test]
        fn a_damaged_configuration_is_read_or_refused(place in 0..samples::AV1C.len(), value: u8) {
            let mut damaged = samples::AV1C.to_vec();
            damaged[place] = value;
            let _ = Av1::read(&damaged.into(), &[]);
        }
    }
}
