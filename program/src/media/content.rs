//! Bytes that nothing will be added to, with the tag that names them.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use wire::chunk::Chunk;

use super::conditions::entity_tag;
use crate::window::Segment;

/// What a viewer is given as a whole, and its entity tag.
pub(super) struct Content {
    pub(super) tag: String,
    pub(super) size: u64,
    pub(super) frames: Vec<Bytes>,
}

impl Content {
    /// None while the segment is being made.
    pub(super) fn of_segment(segment: &Segment) -> Option<Self> {
        Some(Self {
            tag: entity_tag(&segment.hash()?),
            size: segment.size(),
            frames: segment.frames().collect(),
        })
    }

    /// The hash in the seal is that of all other bytes, and the seal's own follow from it.
    pub(super) fn of_part(chunk: &Chunk) -> Self {
        Self::of_bytes(&chunk.record().sha256, chunk.bytes().clone())
    }

    /// The JPEG of a poster; none of anything else.
    pub(super) fn of_picture(poster: &Chunk) -> Option<Self> {
        Some(Self::of_bytes(&poster.record().sha256, poster.jpeg()?))
    }

    /// The seal of a chunk, apart from it.
    pub(super) fn of_seal(chunk: &Chunk) -> Self {
        let seal = chunk.seal().bytes();
        Self::of_bytes(&Sha256::digest(seal), seal.clone())
    }

    fn of_bytes(hash: &[u8], bytes: Bytes) -> Self {
        Self {
            tag: entity_tag(hash),
            size: bytes.len() as u64,
            frames: vec![bytes],
        }
    }
}
