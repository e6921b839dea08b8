//! Just enough of ISO/IEC 14496-12 §4.2 to find the media in a segment.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// Where the payloads of the top-level boxes of one kind are. It ends where the bytes stop making sense.
pub fn payloads(segment: &[u8], kind: [u8; 4]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let header = segment.get(at..at + 8)?;
        let size = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
        let found = (header[4..] == kind, at + 8..at + size);
        at += size.max(8);
        Some(found)
    })
    .filter(|(wanted, payload)| *wanted && payload.start < payload.end)
    .map(|(_, payload)| payload)
    .take_while(|payload| payload.end <= segment.len())
}

/// The SHA-256 of each `mdat`'s payload, in hexadecimal, as a [`crate::viewer::Sight`] has them.
pub fn media_hashes(segment: &[u8]) -> Vec<String> {
    payloads(segment, *b"mdat")
        .map(|payload| hash(&segment[payload]))
        .collect()
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_says_more_than_there_is_ends_the_search() {
        let whole = [&[0, 0, 0, 10][..], b"mdat", &[1, 2]].concat();
        let cut = [&[0, 0, 0, 99][..], b"mdat", &[3]].concat();
        let both = [whole.clone(), cut].concat();
        let found = payloads(&both, *b"mdat").next();
        assert_eq!(found, Some(8..10));
        assert_eq!(payloads(&both, *b"mdat").count(), 1);
        assert_eq!(media_hashes(&whole), [hash(&[1, 2])]);
    }
}
