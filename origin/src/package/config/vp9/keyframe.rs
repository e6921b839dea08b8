//! The uncompressed header of a keyframe ("VP9 Bitstream & Decoding Process" §6.2), as far as the picture's size.

use crate::package::config::bits::Bits;

/// Columns and rows of the picture; none where the frame is not a keyframe.
pub(super) fn size(frame: &[u8]) -> Option<(u32, u32)> {
    const SYNC_CODE: u32 = 0x49_83_42;
    const RGB: u32 = 7;

    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let (low, high) = (bits.take(1)?, bits.take(1)?);
    let profile = high << 1 | low;
    if profile == 3 {
        bits.flag()?; // reserved
    }
    let shown_again = bits.flag()?;
    let depends = bits.flag()?;
    if shown_again || depends {
        return None;
    }
    bits.skip(2)?; // shown, resilient
    if bits.take(24)? != SYNC_CODE {
        return None;
    }
    if profile >= 2 {
        bits.flag()?; // ten bits or twelve
    }
    let has_other_chroma = matches!(profile, 1 | 3);
    if bits.take(3)? == RGB {
        bits.skip(usize::from(has_other_chroma))?;
    } else {
        bits.flag()?; // range
        bits.skip(if has_other_chroma { 3 } else { 0 })?;
    }
    Some((bits.take(16)? + 1, bits.take(16)? + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_size_is_found_behind_the_colours_of_each_profile() {
        let size_of = |head: &str, colours: &str| {
            let digits = format!(
                "{head}{:024b}{colours}{:016b}{:016b}0000000",
                0x49_8342, 1919, 1079
            );
            let digits = digits.replace(' ', "");
            let bytes: Vec<u8> = digits
                .as_bytes()
                .chunks_exact(8)
                .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
                .collect();
            size(&bytes)
        };
        assert_eq!(size_of("10 0 0 0 0 1 0", "010 0"), Some((1920, 1080)));
        assert_eq!(size_of("10 1 0 0 0 1 0", "010 0 110"), Some((1920, 1080)));
        assert_eq!(size_of("10 1 0 0 0 1 0", "111 0"), Some((1920, 1080)));
        assert_eq!(size_of("10 0 1 0 0 1 0", "1 010 0"), Some((1920, 1080)));
        assert_eq!(size_of("10 1 1 0 0 0 1 0", "1 010 0 110"), Some((1920, 1080)));
        assert_eq!(size_of("10 0 0 0 1 1 0", "010 0"), None, "no keyframe");
        assert_eq!(size_of("10 0 0 1 0 1 0", "010 0"), None, "a frame again");
        assert_eq!(size_of("11 0 0 0 0 1 0", "010 0"), None, "no VP9");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(frame in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = size(&frame);
        }
    }
}
