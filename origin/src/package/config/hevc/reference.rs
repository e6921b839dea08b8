//! Which pictures others refer to (ITU-T H.265 §7.3.7): nothing that we want to know, on the way to what we do.

use crate::package::config::bits::Bits;

/// Passes over the sets of reference pictures; `order_bits` are those of a picture's place.
pub(super) fn skip(bits: &mut Bits<'_>, order_bits: u32) -> Option<()> {
    let sets = bits.exp_golomb().filter(|sets| *sets <= 64)?;
    let mut pictures_before = 0;
    for set in 0..sets {
        pictures_before = skip_set(bits, set > 0, pictures_before)?;
    }
    if bits.flag()? {
        let long_term = bits.exp_golomb().filter(|pictures| *pictures <= 32)?;
        for _ in 0..long_term {
            bits.take(order_bits)?;
            bits.flag()?;
        }
    }
    Some(())
}

/// Passes over one set, and answers how many pictures it has: as many are spoken of when the next is predicted from it.
fn skip_set(bits: &mut Bits<'_>, has_one_before: bool, pictures_before: u32) -> Option<u32> {
    const MOST_PICTURES: u32 = 16;
    if has_one_before && bits.flag()? {
        bits.flag()?; // how far away the other set is: forwards or back
        bits.exp_golomb()?;
        let mut pictures = 0;
        for _ in 0..=pictures_before {
            let used = bits.flag()?;
            if used || bits.flag()? {
                pictures += 1;
            }
        }
        return (pictures <= MOST_PICTURES).then_some(pictures);
    }
    let before = bits.exp_golomb().filter(|pictures| *pictures <= MOST_PICTURES)?;
    let after = bits.exp_golomb().filter(|pictures| *pictures <= MOST_PICTURES)?;
    for _ in 0..before + after {
        bits.exp_golomb()?;
        bits.flag()?;
    }
    (before + after <= MOST_PICTURES).then_some(before + after)
}
