//! Boxes that lie in memory (ISO/IEC 14496-12 §4.2), found without believing any size.

use std::iter;
use std::ops::Range;

/// The header of a box: its size and its kind.
pub(crate) const HEADER: usize = 8;
/// The same, with a version and flags.
pub(crate) const FULL_HEADER: usize = 12;

/// A box that does not fit where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadBox;

/// A box: its kind, and where it lies, header included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoxSpan {
    pub(crate) kind: [u8; 4],
    pub(crate) span: Range<usize>,
}

impl BoxSpan {
    /// Where its content lies.
    pub(crate) fn content(&self) -> Range<usize> {
        self.span.start + HEADER..self.span.end
    }
}

/// The boxes in a row in `inside`, up to the first that is none. Only the 32-bit form of a size is taken.
pub(crate) fn spans(
    bytes: &[u8],
    inside: Range<usize>,
) -> impl Iterator<Item = Result<BoxSpan, BadBox>> + '_ {
    let mut at = inside.start;
    iter::from_fn(move || {
        if at >= inside.end {
            return None;
        }
        let span = read(bytes, at..inside.end).ok_or(BadBox);
        at = span.as_ref().map_or(inside.end, |read| read.span.end);
        Some(span)
    })
}

/// The first box of a kind among those in a row in `inside`.
pub(crate) fn find(bytes: &[u8], inside: Range<usize>, kind: [u8; 4]) -> Option<BoxSpan> {
    spans(bytes, inside)
        .map_while(Result::ok)
        .find(|found| found.kind == kind)
}

fn read(bytes: &[u8], inside: Range<usize>) -> Option<BoxSpan> {
    let [s0, s1, s2, s3, kind @ ..] = *bytes.get(inside.clone())?.first_chunk::<HEADER>()?;
    let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
    let fits = (HEADER..=inside.len()).contains(&size);
    fits.then(|| BoxSpan {
        kind,
        span: inside.start..inside.start + size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_in_a_row_are_found_up_to_the_first_that_is_none() {
        let bytes = b"\0\0\0\x08free\0\0\0\x0cmdatabcd\0\0\0\x07free";
        let found: Vec<_> = spans(bytes, 0..bytes.len()).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], Err(BadBox));
        assert_eq!(find(bytes, 0..bytes.len(), *b"mdat").unwrap().content(), 16..20);
        for (bytes, inside) in [(&bytes[..], 8..19), (&bytes[..], 0..99), (&b"\0\0\0"[..], 0..3)] {
            assert!(find(bytes, inside, *b"mdat").is_none());
        }
    }
}
