//! Open bitstream units (AV1 §5.3), one after another.

const SEQUENCE_HEADER: u8 = 1;

/// A sequence header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SequenceHeader<'a> {
    /// All of it, with a size in its header.
    pub(super) unit: &'a [u8],
    /// What is behind that.
    pub(super) payload: &'a [u8],
}

/// The first sequence header in a row of units.
pub(super) fn sequence_header(mut bytes: &[u8]) -> Option<SequenceHeader<'_>> {
    loop {
        let head = *bytes.first()?;
        let (kind, extended, sized) = (head >> 3 & 0b1111, head & 0b100 != 0, head & 0b10 != 0);
        if !sized {
            return None; // The last one, and no configuration: those have sizes.
        }
        let before = if extended { 2 } else { 1 };
        let (size, size_bytes) = leb128(bytes.get(before..)?)?;
        let start = before + size_bytes;
        let end = start.checked_add(size)?;
        let payload = bytes.get(start..end)?;
        let (unit, rest) = bytes.split_at(end);
        if kind == SEQUENCE_HEADER {
            return Some(SequenceHeader { unit, payload });
        }
        bytes = rest;
    }
}

/// A number, and how many bytes it took (§4.10.5).
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, place + 1));
        }
    }
    None
}
