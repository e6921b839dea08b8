//! The sequence header (AV1 §5.5): profile, level, the picture's size, rate and colours.

use std::fmt::Write as _;

use crate::package::config::bits::Bits;
use crate::package::config::picture::{Colour, Details, Picture, frame_rate};
use crate::package::description::Ratio;

/// What is read of a sequence header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// As RFC 6381 wants it (AV1-ISOBMFF §5).
    pub(super) codecs: String,
    pub(super) picture: Picture,
}

impl Sequence {
    /// Reads the payload of a unit of type 1.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(3)?;
        bits.flag()?; // still picture
        let reduced = bits.flag()?;
        let (operation, frame_rate) = if reduced {
            let level = bits.take(5)?;
            (
                Operation {
                    level,
                    high_tier: false,
                },
                None,
            )
        } else {
            read_operations(&mut bits)?
        };
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
        skip_tools(&mut bits, reduced)?;
        let colours = Colours::read(&mut bits, profile)?;

        let details = Details {
            sar: None,
            colour: colours.told.then_some(colours.colour),
            frame_rate,
        };
        Some(Self {
            codecs: codecs(profile, &operation, &colours)?,
            picture: Picture::new(width, height, details)?,
        })
    }
}

/// What a decoder of all layers has to be able to do.
struct Operation {
    level: u32,
    high_tier: bool,
}

/// The first operating point, and the frame rate.
fn read_operations(bits: &mut Bits<'_>) -> Option<(Operation, Option<Ratio>)> {
    let (mut rate, mut delay_bits) = (None, None);
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.take(32)?, bits.take(32)?);
        if bits.flag()? {
            let ticks = bits.exp_golomb()?.checked_add(1)?;
            rate = units_in_tick
                .checked_mul(ticks)
                .and_then(|units| frame_rate(time_scale, units));
        }
        if bits.flag()? {
            delay_bits = Some(usize::try_from(bits.take(5)?).ok()? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.take(5)? + 1;
    let mut first = None;
    for _ in 0..points {
        bits.skip(12)?; // the layers of it
        let level = bits.take(5)?;
        let high_tier = level > 7 && bits.flag()?;
        first.get_or_insert(Operation { level, high_tier });
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    first.map(|operation| (operation, rate))
}

/// Passes over the ways of coding that are allowed.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?; // how long the names of frames are
    }
    bits.skip(3)?;
    if !reduced {
        bits.skip(4)?;
        let orders = bits.flag()?;
        if orders {
            bits.skip(2)?;
        }
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.flag()?;
        }
        if orders {
            bits.skip(3)?;
        }
    }
    bits.skip(3)
}

/// How colours are coded (§5.5.2).
struct Colours {
    depth: u32,
    monochrome: bool,
    /// Whether there are fewer columns, and rows, of colour than of light, and where those sit.
    subsampling: (bool, bool, u32),
    /// Whether the stream tells what its numbers mean.
    told: bool,
    colour: Colour,
}

impl Colours {
    fn read(bits: &mut Bits<'_>, profile: u32) -> Option<Self> {
        let high = bits.flag()?;
        let depth = match (profile, high) {
            (2, true) => {
                if bits.flag()? {
                    12
                } else {
                    10
                }
            }
            (_, true) => 10,
            (_, false) => 8,
        };
        let monochrome = profile != 1 && bits.flag()?;
        let told = bits.flag()?;
        let mut colour = Colour {
            primaries: 2,
            transfer: 2,
            matrix: 2,
            full_range: false,
        };
        if told {
            (colour.primaries, colour.transfer, colour.matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
        }
        let rgb = (colour.primaries, colour.transfer, colour.matrix) == (1, 13, 0);
        let subsampling = if monochrome {
            colour.full_range = bits.flag()?;
            (true, true, 0)
        } else if rgb {
            colour.full_range = true;
            (false, false, 0)
        } else {
            colour.full_range = bits.flag()?;
            let (columns, rows) = match (profile, depth) {
                (0, _) => (true, true),
                (1, _) => (false, false),
                (_, 12) => {
                    let columns = bits.flag()?;
                    (columns, columns && bits.flag()?)
                }
                _ => (true, false),
            };
            let place = if columns && rows { bits.take(2)? } else { 0 };
            (columns, rows, place)
        };
        Some(Self {
            depth,
            monochrome,
            subsampling,
            told,
            colour,
        })
    }
}

/// `av01.P.LLT.DD`, and the colours where they are not what everybody expects.
fn codecs(profile: u32, operation: &Operation, colours: &Colours) -> Option<String> {
    let tier = if operation.high_tier { 'H' } else { 'M' };
    let mut codecs = format!("av01.{profile}.{:02}{tier}.{:02}", operation.level, colours.depth);
    let (columns, rows, place) = colours.subsampling;
    let Colour {
        primaries,
        transfer,
        matrix,
        full_range,
    } = colours.colour;
    let expected = !colours.monochrome
        && columns
        && rows
        && !full_range
        && matches!((primaries, transfer, matrix), (1, 1, 1) | (2, 2, 2));
    if !expected {
        let flag = |flag| u8::from(flag);
        write!(
            codecs,
            ".{}.{}{}{place}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
            flag(colours.monochrome),
            flag(columns),
            flag(rows),
            flag(full_range)
        )
        .ok()?;
    }
    Some(codecs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bits, a digit each; blanks between fields are for the reader.
    fn bits(fields: &str) -> Vec<u8> {
        let digits: Vec<u8> = fields.bytes().filter(u8::is_ascii_digit).collect();
        let byte = |digits: &[u8]| {
            let number = digits
                .iter()
                .fold(0, |number, digit| number << 1 | (digit - b'0'));
            number << (8 - digits.len())
        };
        digits.chunks(8).map(byte).collect()
    }

    #[test]
    fn everything_before_the_colours_is_passed_over_exactly() {
        let ticks = format!("{:032b} {:032b}", 1001, 60_000);
        let size = format!("1010 1010 {:011b} {:011b}", 1919, 1079);
        let colour = format!("{:08b} {:08b} {:08b}", 9, 16, 9);
        let header = bits(&format!(
            "000 0 0  1 {ticks} 1 1 1 01001 {:032b} 00011 00011  1 00001
             000000000000 01101 1 1 {:010b} {:010b} 0 1 0110
             000000000001 00101 0 0
             {size} 1 0001 010 111 1111 1 11 0 1 0 1 110 111
             1 0 1 {colour} 0 01 0 1",
            7, 3, 5
        ));

        let sequence = Sequence::read(&header).unwrap();

        assert_eq!(sequence.codecs, "av01.0.13H.10.0.111.09.16.09.0");
        assert_eq!((sequence.picture.width, sequence.picture.height), (1920, 1080));
        assert_eq!(sequence.picture.details.frame_rate, Ratio::new(60_000, 1001));
        assert_eq!(
            sequence.picture.details.colour.map(|colour| colour.transfer),
            Some(16)
        );
    }

    #[test]
    fn a_reduced_header_and_a_picture_without_colours_are_read() {
        let header = bits("000 1 1 00100 0101 0101 100111 010011 111 111 0 1 0 1");
        let sequence = Sequence::read(&header).unwrap();

        assert_eq!(sequence.codecs, "av01.0.04M.08.1.110.02.02.02.1");
        assert_eq!((sequence.picture.width, sequence.picture.height), (40, 20));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(sequence) = Sequence::read(&bytes) {
                prop_assert!(sequence.picture.width > 0 && sequence.picture.height > 0);
            }
        }
    }
}
