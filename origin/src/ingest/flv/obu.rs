//! AV1's open bitstream units, as far as a file wants fewer of them than a stream.

use bytes::{Bytes, BytesMut};

const TEMPORAL_DELIMITER: u8 = 2;
const PADDING: u8 = 15;

/// A temporal unit without what a sample should not have (AV1-ISOBMFF §2.4). What is no unit stays as it is, for a
/// decoder to judge.
pub(super) fn without_delimiters(mut unit: &[u8]) -> Bytes {
    let mut kept = BytesMut::with_capacity(unit.len());
    while let Some((kind, length)) = first(unit) {
        let (obu, rest) = unit.split_at(length);
        if !matches!(kind, TEMPORAL_DELIMITER | PADDING) {
            kept.extend_from_slice(obu);
        }
        unit = rest;
    }
    kept.extend_from_slice(unit);
    kept.freeze()
}

/// The type, and the length with its header, of the unit that `bytes` begin with (AV1 §5.3).
fn first(bytes: &[u8]) -> Option<(u8, usize)> {
    let head = *bytes.first()?;
    let (kind, extended, sized) = (head >> 3 & 0b1111, head & 0b100 != 0, head & 0b10 != 0);
    let before_size = if extended { 2 } else { 1 };
    if !sized {
        // It goes on to the end.
        return (bytes.len() >= before_size).then_some((kind, bytes.len()));
    }
    let mut size = 0_usize;
    for place in 0..8 {
        let byte = *bytes.get(before_size + place)?;
        size |= usize::from(byte & 0x7f).checked_shl(7 * u32::try_from(place).ok()?)?;
        if byte & 0x80 == 0 {
            let length = (before_size + place + 1).checked_add(size)?;
            return (length <= bytes.len()).then_some((kind, length));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delimiters_and_padding_go_and_everything_else_stays() {
        let delimiter = [0x12, 0];
        let sequence = [0x0a, 3, 1, 2, 3];
        let padding = [0x7a, 2, 0, 0x80];
        let frame = [0x36, 0, 0x82, 0x00, 7, 8]; // with an extension, and a size of two bytes
        let last = [0x30, 9, 9, 9]; // without a size
        let unit = [&delimiter[..], &sequence, &padding, &frame, &delimiter, &last].concat();

        assert_eq!(without_delimiters(&unit), [&sequence[..], &frame, &last].concat());
        assert_eq!(without_delimiters(&delimiter), b""[..]);
    }

    #[test]
    fn what_is_no_unit_stays_as_it_is() {
        for odd in [
            &[0x12, 5, 1][..],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x16],
        ] {
            assert_eq!(without_delimiters(odd), odd);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_added(unit in prop::collection::vec(any::<u8>(), 0..64)) {
            let kept = without_delimiters(&unit);
            prop_assert!(kept.len() <= unit.len());
        }
    }
}
