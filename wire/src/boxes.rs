//! The little of ISO/IEC 14496-12 that a seal needs: the top-level boxes of a chunk, which of them carries the
//! seal, and that box to the last byte.

use std::ops::Range;

use crate::chunk::ChunkRecord;
use crate::id::{ChunkId, TrackKind};

/// More top-level boxes than this no chunk has.
const MAX_BOXES: usize = 5;

const HEADER_BYTES: usize = 8;

/// `urn:boxmesh:seal:1` and the empty value, each ended by a zero.
const SCHEME_AND_VALUE: &[u8] = b"urn:boxmesh:seal:1\0\0";

/// The extended type of the `uuid` box that carries a seal.
const UUID: [u8; 16] = [
    0xB0, 0xC5, 0xE5, 0xEA, 0x1B, 0x0C, 0x4E, 0x5E, 0xA1, 0xB0, 0xC5, 0xE5, 0xEA, 0x1B, 0x0C, 0x01,
];

/// Header, version and flags, timescale, presentation time, event duration, id.
const EMSG_FIELDS_BYTES: usize = HEADER_BYTES + 4 + 4 + 8 + 4 + 4;

/// The header of the `mdat` that a poster is in.
pub(crate) const POSTER_HEADER_BYTES: usize = HEADER_BYTES;

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

/// The shapes that a chunk may have, each with its own box for the seal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `[styp] [prft] emsg moof mdat`: the seal is an event message (ISO/IEC 23009-1 §5.10.3.3), which every
    /// player skips.
    Media,
    /// `ftyp moov uuid`: an init segment.
    Init,
    /// `uuid mdat`: a poster.
    Poster,
}

impl Shape {
    /// The shape that a chunk of that name has.
    pub(crate) fn of(id: &ChunkId) -> Self {
        if id.track.is_poster() {
            Self::Poster
        } else if id.is_init() {
            Self::Init
        } else {
            Self::Media
        }
    }

    /// The shape of a chunk of these boxes, and where the box with the seal is; none when they are not in order.
    pub(crate) fn find(boxes: &[BoxSpan]) -> Option<(Self, Range<usize>)> {
        let kinds: Vec<&[u8; 4]> = boxes.iter().map(|span| &span.kind).collect();
        let (shape, place) = match &kinds[..] {
            [b"emsg", b"moof", b"mdat"] => (Self::Media, 0),
            [b"styp" | b"prft", b"emsg", b"moof", b"mdat"] => (Self::Media, 1),
            [b"styp", b"prft", b"emsg", b"moof", b"mdat"] => (Self::Media, 2),
            [b"ftyp", b"moov", b"uuid"] => (Self::Init, 2),
            [b"uuid", b"mdat"] => (Self::Poster, 0),
            _ => return None,
        };
        Some((shape, boxes.get(place)?.span.clone()))
    }

    /// Where the box with the seal goes among the others.
    pub(crate) fn place_of_seal(self, others: &[BoxSpan]) -> usize {
        let end = others.last().map_or(0, |last| last.span.end);
        let place = match self {
            Self::Media => others.iter().find(|other| other.kind == *b"moof"),
            Self::Init => None,
            Self::Poster => others.first(),
        };
        place.map_or(end, |place| place.span.start)
    }

    /// The seal in a whole box that carries it, wherever the fixed fields before it end.
    pub(crate) fn message(self, whole: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Media => whole.get(EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.len()..),
            Self::Init | Self::Poster => whole.get(HEADER_BYTES + UUID.len()..),
        }
    }

    /// The one box around its seal that a record may have.
    pub(crate) fn write(self, record: &ChunkRecord, seal: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.len() + seal.len());
        out.extend_from_slice(&[0; 4]);
        match self {
            Self::Media => {
                out.extend_from_slice(b"emsg\x01\0\0\0");
                out.extend_from_slice(&record.timescale.to_be_bytes());
                out.extend_from_slice(&record.time.to_be_bytes());
                out.extend_from_slice(&0_u32.to_be_bytes());
                out.extend_from_slice(&event_id(&record.id).to_be_bytes());
                out.extend_from_slice(SCHEME_AND_VALUE);
            }
            Self::Init | Self::Poster => {
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

/// The `mdat` around a poster.
pub(crate) fn poster_box(jpeg: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(POSTER_HEADER_BYTES + jpeg.len()).ok()?;
    Some([&size.to_be_bytes()[..], b"mdat", jpeg].concat())
}

/// Unique across the tracks of a channel, since players drop events whose id they have seen.
fn event_id(id: &ChunkId) -> u32 {
    let kind = match id.track.kind() {
        TrackKind::Video => 0,
        TrackKind::Audio => 16,
    };
    (kind + u32::from(id.track.number())) << 27 | (id.segment & 0x1F_FFFF) << 6 | u32::from(id.index)
}
