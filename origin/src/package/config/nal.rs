//! What the parameter sets of H.264 and HEVC have in common.

use super::super::description::Ratio;
use super::bits::Bits;
use super::picture::{Colour, Details};

/// More bytes than any encoder needs, and few enough to read without a thought.
const MAX_PARAMETER_SET_BYTES: usize = 4096;

/// The payload of a NAL unit whose header has so many bytes: a unit writes 00 00 03 for 00 00 (ITU-T H.264 §7.4.1).
/// None for one that is longer than any encoder's.
pub(super) fn payload(nal: &[u8], header_bytes: usize) -> Option<Vec<u8>> {
    if nal.len() > MAX_PARAMETER_SET_BYTES {
        return None;
    }
    let mut payload = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal.get(header_bytes..)? {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    Some(payload)
}

impl Details {
    /// The beginning of the video usability information: shape and colours (ITU-T H.264 and H.265, Annex E.1.1 and E.2.1).
    pub(super) fn read_appearance(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.flag()? {
            self.sar = match bits.take(8)? {
                255 => Ratio::new(bits.take(16)?, bits.take(16)?),
                index => sample_aspect_ratio(index),
            };
        }
        if bits.flag()? {
            bits.flag()?; // overscan appropriate
        }
        if bits.flag()? {
            bits.skip(3)?; // video format
            let full_range = bits.flag()?;
            if bits.flag()? {
                self.colour = Some(Colour {
                    primaries: bits.byte()?,
                    transfer: bits.byte()?,
                    matrix: bits.byte()?,
                    full_range,
                });
            }
        }
        if bits.flag()? {
            bits.exp_golomb()?; // where colour samples sit: top field
            bits.exp_golomb()?; // and bottom field
        }
        Some(())
    }
}

/// Table E-1.
fn sample_aspect_ratio(index: u32) -> Option<Ratio> {
    const TABLE: [(u32, u32); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    let place = usize::try_from(index.checked_sub(1)?).ok()?;
    TABLE
        .get(place)
        .and_then(|&(width, height)| Ratio::new(width, height))
}
