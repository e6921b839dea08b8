//! The sequence parameter set (ITU-T H.265 §7.3.2.2, Annex E): the picture's size, shape, rate and colours.

use super::profile::Profile;
use super::reference;
use crate::package::config::bits::Bits;
use crate::package::config::nal;
use crate::package::config::picture::{Details, Picture, frame_rate};

/// What is read of a parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) profile: Profile,
    pub(super) picture: Picture,
}

/// Reads a NAL unit of type 33, header included.
pub(super) fn read(nal: &[u8]) -> Option<Sps> {
    let rbsp = nal::payload(nal, 2)?;
    let mut bits = Bits::new(&rbsp);
    bits.skip(4)?; // its stream's parameter set
    let lower_layers = bits.take(3)?;
    bits.flag()?; // whether layers nest
    let profile = Profile::read(&mut bits, lower_layers)?;
    bits.exp_golomb()?; // its id

    let chroma = bits.exp_golomb()?;
    if chroma == 3 {
        bits.flag()?; // separate planes
    }
    let (columns, rows) = (bits.exp_golomb()?, bits.exp_golomb()?);
    // Cropping counts in samples of the colour planes.
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        0 | 3 => (1, 1),
        _ => return None,
    };
    let mut crop = [0; 4];
    if bits.flag()? {
        for side in &mut crop {
            *side = bits.exp_golomb()?;
        }
    }
    let [left, right, top, bottom] = crop;
    let width = columns.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
    let height = rows.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;

    let mut details = Details::default();
    // What is strange here, or cut short, costs only itself.
    let _ = read_details(&mut bits, lower_layers, &mut details);
    Some(Sps {
        profile,
        picture: Picture::new(width, height, details)?,
    })
}

/// Everything between the size and the frame rate.
fn read_details(bits: &mut Bits<'_>, lower_layers: u32, details: &mut Details) -> Option<()> {
    bits.exp_golomb()?; // bit depth of luma
    bits.exp_golomb()?; // bit depth of chroma
    let order_bits = bits.exp_golomb()?.checked_add(4).filter(|bits| *bits <= 16)?;
    let each_layer = bits.flag()?;
    for _ in 0..if each_layer { lower_layers + 1 } else { 1 } {
        for _ in 0..3 {
            bits.exp_golomb()?; // pictures to be kept, and in what disorder
        }
    }
    for _ in 0..6 {
        bits.exp_golomb()?; // how blocks are divided
    }
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?; // asymmetric blocks, adaptive offsets
    if bits.flag()? {
        bits.skip(8)?; // bit depths of blocks that are not coded
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.flag()?;
    }
    reference::skip(bits, order_bits)?;
    bits.skip(2)?; // motion from other pictures, smoothing
    if !bits.flag()? {
        return Some(());
    }

    // Video usability information.
    details.read_appearance(bits)?;
    bits.skip(3)?; // neutral chroma, fields, their times
    if bits.flag()? {
        for _ in 0..4 {
            bits.exp_golomb()?; // a window to be shown by default: nobody does
        }
    }
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.take(32)?, bits.take(32)?);
        details.frame_rate = frame_rate(time_scale, units_in_tick);
    }
    Some(())
}

/// §7.3.4.
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4_u32 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !bits.flag()? {
                bits.exp_golomb()?; // as another one
                continue;
            }
            if size > 1 {
                bits.signed_exp_golomb()?;
            }
            for _ in 0..(1 << (4 + (size << 1))).min(64) {
                bits.signed_exp_golomb()?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::description::Ratio;

    /// 1920×1080 at 60 frames a second, 10 bits, high tier, scaling lists, four sets of references predicted from each
    /// other, two long-term ones: made up, bit by bit, after the standard.
    fn rich() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.put(0, 4);
        writer.put(1, 3); // a layer below
        writer.put(1, 1);
        writer.put(0b0010_0010, 8);
        writer.put(0x2000_0000, 32);
        writer.put(0x9000, 16);
        writer.put(0, 32);
        writer.put(123, 8);
        writer.put(0b11, 2);
        for _ in 1..8 {
            writer.put(0, 2);
        }
        writer.put(0, 32);
        writer.put(0, 32);
        writer.put(0, 24);
        writer.put(93, 8);
        for value in [0, 1, 1920, 1088] {
            writer.golomb(value);
        }
        writer.put(1, 1);
        for value in [0, 0, 0, 4] {
            writer.golomb(value);
        }
        for value in [2, 2, 4] {
            writer.golomb(value);
        }
        writer.put(1, 1);
        for value in [4, 2, 0, 4, 2, 0, 0, 3, 0, 3, 0, 0] {
            writer.golomb(value);
        }
        writer.put(0b11, 2); // scaling lists, of our own
        for size in 0..4 {
            for matrix in 0..if size == 3 { 2 } else { 6 } {
                if matrix == 0 {
                    writer.put(1, 1);
                    let numbers = (1_u32 << (4 + (size << 1))).min(64) + u32::from(size > 1);
                    (0..numbers).for_each(|_| writer.golomb(1));
                } else {
                    writer.put(0, 1);
                    writer.golomb(1);
                }
            }
        }
        writer.put(0b11, 2);
        writer.put(1, 1);
        writer.put(0x99, 8);
        for value in [0, 2] {
            writer.golomb(value);
        }
        writer.put(0, 1);
        writer.golomb(3);
        // Two pictures before, one after.
        for value in [2, 1] {
            writer.golomb(value);
        }
        for _ in 0..3 {
            writer.golomb(0);
            writer.put(1, 1);
        }
        // Predicted from three: of four, one is not used, one is not even kept.
        writer.put(1, 1);
        writer.put(0, 1);
        writer.golomb(0);
        writer.put(0b10_1001, 6);
        // Predicted from the three that are left.
        writer.put(1, 1);
        writer.put(1, 1);
        writer.golomb(1);
        writer.put(0b1111, 4);
        writer.put(1, 1);
        writer.golomb(2);
        for _ in 0..2 {
            writer.put(7, 8);
            writer.put(1, 1);
        }
        writer.put(0b11, 2);
        writer.put(1, 1);
        // Usability.
        writer.put(1, 1);
        writer.put(1, 8);
        writer.put(0, 1);
        writer.put(1, 1);
        writer.put(0b1_0101, 5);
        for value in [9, 16, 9] {
            writer.put(value, 8);
        }
        writer.put(0, 1);
        writer.put(0, 3);
        writer.put(0, 1);
        writer.put(1, 1);
        writer.put(1, 32);
        writer.put(60, 32);
        writer.nal()
    }

    #[derive(Default)]
    struct Writer {
        bytes: Vec<u8>,
        free: u32,
    }

    impl Writer {
        fn put(&mut self, value: u32, count: u32) {
            for place in (0..count).rev() {
                if self.free == 0 {
                    self.bytes.push(0);
                    self.free = 8;
                }
                self.free -= 1;
                *self.bytes.last_mut().unwrap() |= u8::from(value >> place & 1 == 1) << self.free;
            }
        }

        fn golomb(&mut self, value: u32) {
            let length = (value + 1).ilog2();
            self.put(0, length);
            self.put(value + 1, length + 1);
        }

        /// A NAL unit of what was written.
        fn nal(self) -> Vec<u8> {
            let (mut nal, mut zeros) = (vec![0x42, 1], 0);
            for byte in self.bytes {
                if zeros == 2 && byte <= 3 {
                    nal.push(3);
                    zeros = 0;
                }
                zeros = if byte == 0 { zeros + 1 } else { 0 };
                nal.push(byte);
            }
            nal
        }
    }

    #[test]
    fn everything_before_the_frame_rate_is_passed_over_exactly() {
        let sps = read(&rich()).unwrap();

        assert_eq!(sps.profile.to_string(), "2.4.H123.90");
        assert_eq!((sps.picture.width, sps.picture.height), (1920, 1080));
        let details = &sps.picture.details;
        assert_eq!(details.frame_rate, Ratio::new(60, 1));
        let colour = details.colour.unwrap();
        assert_eq!((colour.primaries, colour.transfer, colour.matrix), (9, 16, 9));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_damaged_parameter_set_is_read_or_refused(place in 0..150_usize, value: u8) {
            let mut damaged = rich();
            let place = place % damaged.len();
            damaged[place] = value;
            let _ = read(&damaged);
        }
    }
}
