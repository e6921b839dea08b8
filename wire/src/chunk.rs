//! Sealed chunks: how a box, or a player, knows that a chunk came from its origin.
//!
//! A [`SealedChunk`] is whatever the network handed us. [`SealedChunk::open`] is the only way from there to a [`Chunk`],
//! and nobody stores, forwards or renders anything else: a forgery dies at the first box. A
//! [`Seal`] opens on its own too, so that a forgery can be refused before its bytes are fetched.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use sha2::{Digest, Sha256};

use crate::boxes::{POSTER_HEADER_BYTES, Shape, poster_box, top_level};
use crate::cbor::{VERSION, Version};
use crate::id::{ChannelName, ChunkId, Epoch, TrackId};
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, Signed, claim, open, sign};

/// The largest chunk, its seal included, in bytes.
pub const MAX_CHUNK_BYTES: usize = 4 << 20;

/// The largest poster, in bytes of its chunk without the seal.
pub const MAX_POSTER_BYTES: u32 = 512 << 10;

/// The largest seal, in bytes.
pub const MAX_SEAL_BYTES: usize = 512;

/// The most chunks in a segment.
pub const MAX_CHUNKS_PER_SEGMENT: u16 = 64;

/// Bytes in a SHA-256.
pub const HASH_BYTES: usize = 32;

const CHUNK: &str = "chunk";
const POSTER: &str = "poster";

/// What the origin says of a chunk, and signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRecord {
    /// The chunk's name.
    pub id: ChunkId,
    /// Whether it ends its segment.
    pub last: bool,
    /// Its media time in units of `timescale`; 0 is the start of the epoch.
    pub time: u64,
    /// How long it lasts, in units of `timescale`.
    pub duration: u32,
    /// Units a second.
    pub timescale: u32,
    /// Bytes of the chunk without the box that carries the seal.
    pub size: u32,
    /// SHA-256 of the chunk without the box that carries the seal.
    pub sha256: [u8; HASH_BYTES],
}

impl Signed for ChunkRecord {
    const NAME: &'static str = "seal";
    const PURPOSE: &'static str = "boxmesh:chunk:1";
    const MAX_BYTES: usize = MAX_SEAL_BYTES;

    fn check(&self) -> Result<(), String> {
        if self.id.index >= MAX_CHUNKS_PER_SEGMENT {
            return Err(format!(
                "index {} is over {}",
                self.id.index,
                MAX_CHUNKS_PER_SEGMENT - 1
            ));
        }
        if self.timescale == 0 {
            return Err("timescale is 0".into());
        }
        let whole = self.last && self.id.index == 0 && self.time == 0 && self.duration == 0;
        if self.id.is_init() && !whole {
            return Err("an init segment is one chunk without a time".into());
        }
        if self.id.track.is_poster() {
            if self.id.is_init() || self.id.index != 0 || !self.last {
                return Err("a poster is a segment of one chunk, and has no init segment".into());
            }
            if self.size > MAX_POSTER_BYTES {
                return Err(format!(
                    "a poster of {} bytes is over {MAX_POSTER_BYTES}",
                    self.size
                ));
            }
        }
        Ok(())
    }
}

impl<C> Encode<C> for ChunkRecord {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        out.array(12)?.u64(VERSION)?;
        self.id.channel.encode(out, context)?;
        self.id.epoch.encode(out, context)?;
        self.id.track.encode(out, context)?;
        out.u32(self.id.segment)?.u16(self.id.index)?.bool(self.last)?;
        out.u64(self.time)?.u32(self.duration)?.u32(self.timescale)?;
        out.u32(self.size)?.bytes(&self.sha256)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ChunkRecord {
    fn decode(input: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        if input.array()? != Some(12) {
            return Err(decode::Error::message("a chunk record has twelve elements"));
        }
        Version::decode(input, context)?;
        Ok(Self {
            id: ChunkId {
                channel: ChannelName::decode(input, context)?,
                epoch: Epoch::decode(input, context)?,
                track: TrackId::decode(input, context)?,
                segment: input.u32()?,
                index: input.u16()?,
            },
            last: input.bool()?,
            time: input.u64()?,
            duration: input.u32()?,
            timescale: input.u32()?,
            size: input.u32()?,
            sha256: ByteArray::decode(input, context)?.into(),
        })
    }
}

/// A seal as it travels: ahead of its chunk, or inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seal(Bytes);

impl Seal {
    /// Takes bytes for a seal. Whether they are one is for [`Seal::open`] to find out.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// A seal of its own memory: it is remembered for longer than the chunk or the message that it came in, and must
    /// not keep their bytes.
    pub(crate) fn copied(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    /// The bytes that travel.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// What the holder of one of `keys` promised about a chunk.
    pub fn open(&self, keys: &[PublicKey]) -> Result<ChunkRecord, Refusal> {
        open(&self.0, keys)
    }

    /// As [`Seal::open`], for who goes on to take the chunk.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Verified, Refusal> {
        Ok(Verified::new(self.open(keys)?, self.clone()))
    }

    /// What this says of a chunk, whoever wrote it. **Nothing is verified**: it serves to find the keys of the
    /// channel, to recognise a seal that was opened before, and to pass over one that is not worth opening.
    pub fn claimed(&self) -> Result<ChunkRecord, Refusal> {
        claim(&self.0)
    }
}

/// A chunk as the network handed it to us.
#[derive(Clone, Debug)]
pub struct SealedChunk(Bytes);

impl SealedChunk {
    /// Takes bytes for a chunk. Whether they are one is for [`SealedChunk::open`] to find out.
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Opens the seal: the bytes are those that the holder of one of `keys` sealed under the name
    /// `expected`, and not one byte of them could be another.
    pub fn open(self, expected: &ChunkId, keys: &[PublicKey]) -> Result<Chunk, Refusal> {
        if self.0.len() > MAX_CHUNK_BYTES {
            return Err(Refusal::TooLarge {
                what: CHUNK,
                bytes: self.0.len(),
                limit: MAX_CHUNK_BYTES,
            });
        }
        let (shape, span) = find_seal(&self.0)?;
        let sealed = self.0.get(span.clone()).and_then(|whole| shape.message(whole));
        let sealed = sealed.ok_or_else(|| Refusal::malformed(CHUNK, "its seal is not where it should be"))?;
        let seal = Seal::copied(sealed);
        let record = seal.open(keys)?;
        if record.id != *expected {
            return Err(Refusal::Unexpected {
                expected: expected.clone().into(),
                found: record.id.into(),
            });
        }
        Verified::new(record, seal).cover(self.0, shape, span)
    }
}

/// A record and its seal, which was opened, or made, here: what is left of a chunk while its bytes are elsewhere. Cheap
/// to clone.
#[derive(Clone, Debug)]
pub struct Verified(Arc<(ChunkRecord, Seal)>);

impl Verified {
    fn new(record: ChunkRecord, seal: Seal) -> Self {
        Self(Arc::new((record, seal)))
    }

    /// The chunk's name.
    pub fn id(&self) -> &ChunkId {
        &self.record().id
    }

    /// What the origin said of it.
    pub fn record(&self) -> &ChunkRecord {
        &self.0.0
    }

    /// Its seal.
    pub fn seal(&self) -> &Seal {
        &self.0.1
    }

    /// The chunk, if these are its bytes, every one of them.
    pub fn chunk(&self, bytes: Bytes) -> Result<Chunk, Refusal> {
        let (shape, span) = find_seal(&bytes)?;
        self.clone().cover(bytes, shape, span)
    }

    /// Makes sure that the record speaks of these bytes, whose seal is in a box of that shape and place.
    fn cover(self, bytes: Bytes, shape: Shape, span: Range<usize>) -> Result<Chunk, Refusal> {
        let (record, seal) = (self.record(), self.seal());
        if shape != Shape::of(&record.id) {
            return Err(wrong_shape());
        }
        // That box is outside the hash, so each byte of it must be the one that follows from the record.
        if bytes.get(span.clone()) != Some(&*shape.write(record, &seal.0)) {
            return Err(Refusal::malformed(
                CHUNK,
                "the box around the seal is not as the record says",
            ));
        }
        #[cfg(feature = "faults")]
        if crate::faults::are_unverified() {
            return Ok(Chunk {
                verified: self,
                bytes,
            });
        }
        let (head, body) = (&bytes[..span.start], &bytes[span.end..]);
        if record.size as usize != head.len() + body.len() || record.sha256 != hash(head, body) {
            return Err(Refusal::Damaged(record.id.clone().into()));
        }
        Ok(Chunk {
            verified: self,
            bytes,
        })
    }
}

/// What the origin knows of a chunk before it is sealed.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The chunk's name.
    pub id: ChunkId,
    /// Whether it ends its segment.
    pub last: bool,
    /// Its media time in units of `timescale`.
    pub time: u64,
    /// How long it lasts, in units of `timescale`.
    pub duration: u32,
    /// Units a second.
    pub timescale: u32,
}

/// A chunk whose seal was opened, or made, here. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Chunk {
    verified: Verified,
    bytes: Bytes,
}

impl Chunk {
    /// Seals what comes before the seal (`styp`, `prft`; of an init segment `ftyp`, `moov`) and what
    /// comes after it (`moof`, `mdat`; of an init segment nothing). [`Chunk::sealed_poster`] is for posters.
    pub fn sealed(secret: &SecretKey, facts: Facts, head: &[u8], body: &[u8]) -> Result<Self, Refusal> {
        let size = head.len() + body.len();
        let too_large = Refusal::TooLarge {
            what: CHUNK,
            bytes: size,
            limit: MAX_CHUNK_BYTES,
        };
        let record = ChunkRecord {
            id: facts.id,
            last: facts.last,
            time: facts.time,
            duration: facts.duration,
            timescale: facts.timescale,
            size: u32::try_from(size).map_err(|_| too_large.clone())?,
            sha256: hash(head, body),
        };
        record
            .check()
            .map_err(|why| Refusal::malformed(ChunkRecord::NAME, why))?;
        let seal = sign(secret, &record);
        let around = Shape::of(&record.id).write(&record, &seal);
        if size + around.len() > MAX_CHUNK_BYTES {
            return Err(too_large);
        }
        let mut bytes = Vec::with_capacity(size + around.len());
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(&around);
        bytes.extend_from_slice(body);
        // What would be refused everywhere else must not leave the origin.
        if find_seal(&bytes)?.0 != Shape::of(&record.id) {
            return Err(wrong_shape());
        }
        Ok(Self {
            verified: Verified::new(record, Seal(seal)),
            bytes: bytes.into(),
        })
    }

    /// Seals a poster: a JPEG, in a box of its own.
    pub fn sealed_poster(secret: &SecretKey, facts: Facts, jpeg: &[u8]) -> Result<Self, Refusal> {
        let limit = MAX_POSTER_BYTES as usize;
        let body = poster_box(jpeg).filter(|body| body.len() <= limit);
        let body = body.ok_or(Refusal::TooLarge {
            what: POSTER,
            bytes: POSTER_HEADER_BYTES + jpeg.len(),
            limit,
        })?;
        Self::sealed(secret, facts, &[], &body)
    }

    /// The JPEG, if this is a poster.
    pub fn jpeg(&self) -> Option<Bytes> {
        let media = self.bytes.len().checked_sub(self.record().size as usize)?;
        let is_poster = self.id().track.is_poster();
        (is_poster && media + POSTER_HEADER_BYTES <= self.bytes.len())
            .then(|| self.bytes.slice(media + POSTER_HEADER_BYTES..))
    }

    /// The chunk's name.
    pub fn id(&self) -> &ChunkId {
        self.verified.id()
    }

    /// What the origin said of it.
    pub fn record(&self) -> &ChunkRecord {
        self.verified.record()
    }

    /// Its seal, to go ahead of it.
    pub fn seal(&self) -> &Seal {
        self.verified.seal()
    }

    /// What comes before the seal, and what comes after it: the bytes that are hashed.
    pub(crate) fn media(&self) -> (&[u8], &[u8]) {
        let seal = find_seal(&self.bytes).map_or(0..0, |(_, span)| span);
        (&self.bytes[..seal.start], &self.bytes[seal.end..])
    }

    /// All but its bytes.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The whole chunk, its seal inside, as it travels and as players take it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// The shape of a chunk whose boxes are in the right order, and where the box with the seal is.
fn find_seal(bytes: &[u8]) -> Result<(Shape, Range<usize>), Refusal> {
    let boxes = top_level(bytes).ok_or_else(|| Refusal::malformed(CHUNK, "its boxes do not add up"))?;
    Shape::find(&boxes).ok_or_else(wrong_shape)
}

fn wrong_shape() -> Refusal {
    Refusal::malformed(CHUNK, "its boxes are not those of what it is sealed as")
}

fn hash(head: &[u8], body: &[u8]) -> [u8; HASH_BYTES] {
    Sha256::new()
        .chain_update(head)
        .chain_update(body)
        .finalize()
        .into()
}
