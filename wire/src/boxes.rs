//! The little of ISO/IEC 14496-12 that a seal needs: the top-level boxes of a chunk, and the box
//! that carries the seal.

use std::ops::Range;

use crate::chunk::ChunkRecord;
use crate::id::{ChunkId, TrackKind};

/// More top-level boxes than this no chunk has.
const MAX_BOXES: usize = 5;

const HEADER_BYTES: usize = 8;

/// `urn:boxmesh:seal:1` and the empty value, each ended by a zero.
const SCHEME_AND_VALUE: &[u8] = b"urn:boxmesh:seal:1\0\0";

/// The extended type of the `uuid` box that ends an init segment.
const UUID: [u8; 16] = [
    0xB0, 0xC5, 0xE5, 0xEA, 0x1B, 0x0C, 0x4E, 0x5E, 0xA1, 0xB0, 0xC5, 0xE5, 0xEA, 0x1B, 0x0C, 0x01,
];

/// Header, version and flags, timescale, presentation time, event duration, id.
const EMSG_FIELDS_BYTES: usize = HEADER_BYTES + 4 + 4 + 8 + 4 + 4;

/// A top-level box: its four-character code and where it is.
pub(crate) struct BoxSpan {
    pub(crate) kind: [u8; 4],
    pub(crate) span: Range<usize>,
}

/// The top-level boxes, if there are few and they cover the bytes exactly. Only the 32-bit form of
/// a size is taken: a chunk is small, and one form is enough.
pub(crate) fn top_level(bytes: &[u8]) -> Option<Vec<BoxSpan>> {
    let mut spans = Vec::with_capacity(MAX_BOXES);
    let mut start = 0;
    while start < bytes.len() {
        let header = bytes.get(start..)?.first_chunk::<HEADER_BYTES>()?;
        let [s0, s1, s2, s3, kind @ ..] = *header;
        let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
        let end = start.checked_add(size)?;
        if size < HEADER_BYTES || end > bytes.len() || spans.len() == MAX_BOXES {
            return None;
        }
        spans.push(BoxSpan {
            kind,
            span: start..end,
        });
        start = end;
    }
    Some(spans)
}

/// The kinds of box that carry a seal.
#[derive(Clone, Copy)]
pub(crate) enum Carrier {
    /// In a chunk: an event message (ISO/IEC 23009-1 §5.10.3.3), which every player skips.
    Emsg,
    /// In an init segment: a `uuid` box after `moov`.
    Uuid,
}

impl Carrier {
    /// The carrier for a chunk of that name.
    pub(crate) fn of(id: &ChunkId) -> Self {
        if id.is_init() { Self::Uuid } else { Self::Emsg }
    }

    /// The seal in a whole carrier box, wherever the fixed fields before it end.
    pub(crate) fn message(self, whole: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Emsg => whole.get(EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.len()..),
            Self::Uuid => whole.get(HEADER_BYTES + UUID.len()..),
        }
    }

    /// The one carrier box that a record may have.
    pub(crate) fn write(self, record: &ChunkRecord, seal: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.len() + seal.len());
        out.extend_from_slice(&[0; 4]);
        match self {
            Self::Emsg => {
                out.extend_from_slice(b"emsg\x01\0\0\0");
                out.extend_from_slice(&record.timescale.to_be_bytes());
                out.extend_from_slice(&record.time.to_be_bytes());
                out.extend_from_slice(&0_u32.to_be_bytes());
                out.extend_from_slice(&event_id(&record.id).to_be_bytes());
                out.extend_from_slice(SCHEME_AND_VALUE);
            }
            Self::Uuid => {
                out.extend_from_slice(b"uuid");
                out.extend_from_slice(&UUID);
            }
        }
        out.extend_from_slice(seal);
        let size = u32::try_from(out.len()).expect("a seal is at most a few hundred bytes");
        out[..4].copy_from_slice(&size.to_be_bytes());
        out
    }
}

/// Unique across the tracks of a channel, since players drop events whose id they have seen.
fn event_id(id: &ChunkId) -> u32 {
    let kind = match id.track.kind() {
        TrackKind::Video => 0,
        TrackKind::Audio => 16,
    };
    (kind + u32::from(id.track.number())) << 27 | (id.segment & 0x1F_FFFF) << 6 | u32::from(id.index)
}
