//! The sequence parameter set of H.264 (ITU-T H.264 §7.3.2.1.1, Annex E): the picture's size, shape, rate and colours.

use super::super::bits::Bits;
use super::super::nal;
use super::super::picture::{Details, Picture, frame_rate};

/// Reads a NAL unit of type 7, header included.
pub(super) fn read(nal: &[u8]) -> Option<Picture> {
    let rbsp = nal::payload(nal, 1)?;
    let mut bits = Bits::new(&rbsp);
    let profile = bits.take(8)?;
    bits.take(16)?; // constraint flags, level
    bits.exp_golomb()?; // its id

    let chroma = if has_chroma_format(profile) {
        read_chroma_format(&mut bits)?
    } else {
        1
    };
    skip_picture_order(&mut bits)?;
    bits.exp_golomb()?; // reference frames
    bits.flag()?; // gaps in frame numbers

    let columns = bits.exp_golomb()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.exp_golomb()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.flag()?;
    let fields = if frames_only { 1 } else { 2 };
    if !frames_only {
        bits.flag()?; // adaptive frames and fields
    }
    bits.flag()?; // direct 8×8 inference

    // Cropping counts in samples of the colour planes, and in lines of a field.
    let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let unit_y = if chroma == 1 { 2 } else { 1 } * fields;
    let mut crop = [0; 4];
    if bits.flag()? {
        for side in &mut crop {
            *side = bits.exp_golomb()?;
        }
    }
    let [left, right, top, bottom] = crop;
    let width = columns.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
    let rows = map_units.checked_mul(fields)?;
    let height = rows.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
    let mut details = Details::default();
    if bits.flag() == Some(true) {
        // Some encoders cut these short: what was read until then is good.
        let _ = read_usability(&mut bits, &mut details);
    }
    Picture::new(width, height, details)
}

/// Annex E.1.1, as far as the frame rate.
fn read_usability(bits: &mut Bits<'_>, details: &mut Details) -> Option<()> {
    details.read_appearance(bits)?;
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.take(32)?, bits.take(32)?);
        // A frame is two ticks: one for each field.
        details.frame_rate = units_in_tick
            .checked_mul(2)
            .and_then(|units_in_frame| frame_rate(time_scale, units_in_frame));
    }
    Some(())
}

/// The profiles that tell their chroma format.
fn has_chroma_format(profile: u32) -> bool {
    matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    )
}

/// The chroma format, 0 (or separate planes: treated alike) to 3, and past the scaling matrices.
fn read_chroma_format(bits: &mut Bits<'_>) -> Option<u32> {
    let chroma = bits.exp_golomb()?;
    if chroma > 3 {
        return None;
    }
    if chroma == 3 {
        bits.flag()?; // separate planes: crop in single samples as well
    }
    bits.exp_golomb()?; // bit depth of luma
    bits.exp_golomb()?; // bit depth of chroma
    bits.flag()?; // lossless bypass
    if bits.flag()? {
        let lists = if chroma == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

fn skip_scaling_list(bits: &mut Bits<'_>, length: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..length {
        if next != 0 {
            next = (last + bits.signed_exp_golomb()?.rem_euclid(256)) % 256;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
    bits.exp_golomb()?; // bits of a frame number
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.flag()?;
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            let frames = bits.exp_golomb()?;
            if frames > 255 {
                return None;
            }
            for _ in 0..frames {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::config::picture::Colour;
    use crate::package::description::Ratio;

    /// 1280×720 at 30 frames a second, BT.709, from x264.
    const HD: [u8; 29] = [
        103, 100, 0, 31, 172, 217, 128, 80, 5, 187, 1, 106, 2, 2, 2, 128, 0, 0, 3, 0, 128, 0, 0, 30, 7, 140,
        24, 205, 0,
    ];

    #[test]
    fn size_rate_shape_and_colours_are_read() {
        let sps = read(&HD).unwrap();

        assert_eq!((sps.width, sps.height), (1280, 720));
        assert_eq!(sps.details.sar, Ratio::new(1, 1));
        assert_eq!(sps.details.frame_rate, Ratio::new(30, 1));
        let bt709 = Colour {
            primaries: 1,
            transfer: 1,
            matrix: 1,
            full_range: false,
        };
        assert_eq!(sps.details.colour, Some(bt709));
    }

    #[test]
    fn cropped_rows_are_not_shown() {
        // 1920×1088 coded, 1080 shown: from a camera, in pairs of fields.
        let camera = [
            0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0x84, 0x00, 0x00, 0x03, 0x00,
            0x04, 0x00, 0x00, 0x03, 0x00, 0xF0, 0x3C, 0x60, 0xC6, 0x58,
        ];
        let sps = read(&camera).unwrap();
        assert_eq!((sps.width, sps.height), (1920, 1080));
        assert_eq!(sps.details.frame_rate, Ratio::new(30, 1));
    }

    #[test]
    fn details_that_are_cut_short_cost_only_themselves() {
        let sps = read(&HD[..16]).unwrap();
        assert_eq!((sps.width, sps.height), (1280, 720));
        assert_eq!(sps.details.frame_rate, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(sps) = read(&bytes) {
                prop_assert!(sps.width > 0 && sps.height > 0);
            }
        }

        #[test]
        fn a_damaged_parameter_set_is_read_or_refused(place in 0..HD.len(), value: u8) {
            let mut damaged = HD;
            damaged[place] = value;
            let _ = read(&damaged);
        }
    }
}
