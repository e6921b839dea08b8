//! VP9: the codec configuration record of a track ("VP Codec ISO Media File Format Binding"), and what its first
//! keyframe tells beside it.

mod keyframe;

use std::fmt::Write as _;

use bytes::Bytes;
use mp4_atom::{Codec, Vp09, VpcC};
use wire::id::TrackId;

use super::super::description::TrackDescription;
use super::super::error::PackageError;
use super::bad_video;
use super::picture::{Colour, Details, Picture};

/// A video track's configuration, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Vp9 {
    vpcc: VpcC,
    pub(super) picture: Picture,
}

impl Vp9 {
    /// Reads the body of a `vpcC` box, and the size of the first keyframe: the box does not have it.
    pub(super) fn read(config: &Bytes, first: &[u8]) -> Result<Self, PackageError> {
        let mut vpcc = read_record(config)?;
        let (width, height) =
            keyframe::size(first).ok_or_else(|| bad_video("its first keyframe cannot be read"))?;
        if vpcc.level == 0 {
            vpcc.level = level(width, height);
        }
        let colour = Colour {
            primaries: vpcc.color_primaries,
            transfer: vpcc.transfer_characteristics,
            matrix: vpcc.matrix_coefficients,
            full_range: vpcc.video_full_range_flag,
        };
        let details = Details {
            colour: (colour.primaries != UNSPECIFIED).then_some(colour),
            ..Details::default()
        };
        let picture = Picture::new(width, height, details)
            .ok_or_else(|| bad_video(format!("pictures of {width}×{height}")))?;
        Ok(Self { vpcc, picture })
    }

    /// Whether the body of a `vpcC` box can be read.
    pub(super) fn check(config: &Bytes) -> Result<(), PackageError> {
        read_record(config).map(drop)
    }

    /// Whether the keyframe's pictures are as large. One that cannot be read is for the decoder to judge.
    pub(super) fn goes_on_as(&self, keyframe: &[u8]) -> bool {
        let now = (self.picture.width, self.picture.height);
        keyframe::size(keyframe).is_none_or(|size| size == now)
    }

    pub(super) fn describe(&self, track: TrackId) -> TrackDescription {
        self.picture.describe(track, self.codecs())
    }

    /// `vp09.PP.LL.DD`, and the colours where they are not what everybody expects.
    fn codecs(&self) -> String {
        let VpcC {
            profile,
            level,
            bit_depth,
            chroma_subsampling,
            video_full_range_flag,
            color_primaries,
            transfer_characteristics,
            matrix_coefficients,
            ..
        } = self.vpcc;
        let mut codecs = format!("vp09.{profile:02}.{level:02}.{bit_depth:02}");
        let colours = (color_primaries, transfer_characteristics, matrix_coefficients);
        let expected = chroma_subsampling <= 1
            && !video_full_range_flag
            && (colours == (1, 1, 1) || colours == (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED));
        if !expected {
            let full_range = u8::from(video_full_range_flag);
            let (primaries, transfer, matrix) = colours;
            let _ = write!(
                codecs,
                ".{chroma_subsampling:02}.{primaries:02}.{transfer:02}.{matrix:02}.{full_range:02}"
            );
        }
        codecs
    }

    /// Its entry in the sample table.
    pub(super) fn sample_entry(&self) -> Codec {
        Vp09 {
            visual: self.picture.visual(),
            vpcc: self.vpcc.clone(),
            colr: self.picture.colr(),
            ..Vp09::default()
        }
        .into()
    }
}

/// What colours are called that nobody told.
const UNSPECIFIED: u8 = 2;
const RGB: u8 = 0;

/// A `VPCodecConfigurationRecord`, with the version and flags of its box or without.
fn read_record(config: &Bytes) -> Result<VpcC, PackageError> {
    // Without them the second byte would be a level, and the third a bit depth of 0.
    let record = config.strip_prefix(&[1, 0, 0, 0]).unwrap_or(config);
    let [profile, level, sampling, primaries, transfer, matrix, ..] = *record else {
        return Err(bad_video("it ends early"));
    };
    let (bit_depth, chroma, full_range) = (sampling >> 4, sampling >> 1 & 0b111, sampling & 1 == 1);
    if profile > 3 || !matches!(bit_depth, 8 | 10 | 12) || chroma > 3 || (matrix == RGB && chroma != 3) {
        return Err(bad_video(format!(
            "profile {profile} in {bit_depth} bits, chroma subsampling {chroma}, matrix {matrix}"
        )));
    }
    // No codec initialization data: VP9 has none.
    Ok(VpcC {
        profile,
        level,
        bit_depth,
        chroma_subsampling: chroma,
        video_full_range_flag: full_range,
        color_primaries: primaries,
        transfer_characteristics: transfer,
        matrix_coefficients: matrix,
        codec_initialization_data: Vec::new(),
    })
}

/// The lowest level for pictures of that size, for who does not tell; at some 30 a second.
fn level(width: u32, height: u32) -> u8 {
    const LEVELS: [(u64, u8); 9] = [
        (36_864, 10),
        (73_728, 11),
        (122_880, 20),
        (245_760, 21),
        (552_960, 30),
        (983_040, 31),
        (2_228_224, 40),
        (8_912_896, 50),
        (35_651_584, 60),
    ];
    let samples = u64::from(width) * u64::from(height);
    let fits = LEVELS.iter().find(|(most, _)| samples <= *most);
    fits.map_or(62, |(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::config::samples;

    /// The beginning of a keyframe of 320×180.
    const KEYFRAME: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30];

    #[test]
    fn what_libvpx_writes_is_read_with_or_without_version_and_flags() {
        for record in [samples::VPCC, &samples::VPCC[4..]] {
            let vp9 = Vp9::read(&record.into(), KEYFRAME).unwrap();
            let description = vp9.describe(TrackId::VIDEO);

            assert_eq!(description.codecs, "vp09.00.11.08");
            let video = description.video.unwrap();
            assert_eq!((video.width, video.height), (320, 180));
            assert_eq!(vp9.picture.colr(), None);

            assert!(vp9.goes_on_as(KEYFRAME));
            let mut larger = KEYFRAME.to_vec();
            larger[5] += 1;
            assert!(!vp9.goes_on_as(&larger));
        }
    }

    #[test]
    fn colours_that_nobody_expects_and_a_level_that_nobody_told_are_named() {
        let record = Bytes::from_static(&[2, 0, 0xa2, 9, 16, 9, 0, 0]);
        let vp9 = Vp9::read(&record, KEYFRAME).unwrap();

        assert_eq!(
            vp9.describe(TrackId::VIDEO).codecs,
            "vp09.02.11.10.01.09.16.09.00"
        );
        assert!(vp9.picture.colr().is_some());
        assert_eq!(
            (level(1280, 720), level(1920, 1080), level(16_384, 16_384)),
            (31, 40, 62)
        );
    }

    #[test]
    fn what_players_could_not_use_is_refused_in_words() {
        let refusal = |bytes: &'static [u8]| Vp9::check(&bytes.into()).unwrap_err().to_string();
        assert!(refusal(&[1, 0, 0, 0, 0]).contains("ends early"));
        assert!(refusal(&[4, 10, 0x82, 2, 2, 2, 0, 0]).contains("profile 4 in 8 bits"));
        assert!(refusal(&[0, 10, 0x92, 2, 2, 2, 0, 0]).contains("9 bits"));

        let refusal = Vp9::read(&samples::VPCC.into(), &[0x86, 1])
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("first keyframe cannot be read"), "{refusal}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(record in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(vp9) = Vp9::read(&record.into(), KEYFRAME) {
                prop_assert!(crate::package::config::written(vp9.sample_entry()), "what was read can be written");
            }
        }
    }
}
