//! Parts: how a chunk passes between boxes, so that it can be passed on while it comes.
//!
//! SHA-256 takes its input in blocks of 64 bytes and carries a state of 32 bytes from block to block
//! (FIPS 180-4 §6.2.2). Whoever knows the state after some bytes can check the bytes and the state before them, for to
//! find others that lead to the same state is to break the hash. The state after the last byte is in the
//! seal. So parts go **from the end of the chunk to its beginning**, each behind the state before it, and each proves
//! itself when it comes. Nothing is added to the seal for this, and the whole is checked again when it is here.

use bytes::{BufMut, Bytes, BytesMut};
use sha2::block_api::compress256;

use crate::boxes::{Shape, top_level};
use crate::chunk::{Chunk, HASH_BYTES, MAX_CHUNK_BYTES, Verified};
use crate::seal::Refusal;

/// The bytes in a part, besides the state; the last of a chunk may have fewer.
pub const PART_BYTES: usize = 8 << 10;

const BLOCK_BYTES: usize = 64;

/// The state before the first byte (FIPS 180-4 §5.3.3).
const INITIAL: State = State([
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State([u32; 8]);

impl State {
    fn read(bytes: &[u8; HASH_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let mut state = [0; 8];
        for (word, bytes) in state.iter_mut().zip(words) {
            *word = u32::from_be_bytes(*bytes);
        }
        Self(state)
    }

    fn put(self, out: &mut BytesMut) {
        self.0.into_iter().for_each(|word| out.put_u32(word));
    }

    /// The state after whole blocks.
    fn after(mut self, blocks: &[u8]) -> Self {
        let (blocks, rest) = blocks.as_chunks::<BLOCK_BYTES>();
        debug_assert!(rest.is_empty(), "a part but the last is whole blocks");
        compress256(&mut self.0, blocks);
        self
    }

    /// The state after the end of a message of `size` bytes, its padding included (FIPS 180-4 §5.1.1).
    fn after_end(self, end: &[u8], size: usize) -> Self {
        let whole = end.len() / BLOCK_BYTES * BLOCK_BYTES;
        let (blocks, rest) = end.split_at(whole);
        let mut padded = [0; 2 * BLOCK_BYTES];
        padded[..rest.len()].copy_from_slice(rest);
        padded[rest.len()] = 0x80;
        let blocks_left = (rest.len() + 9).div_ceil(BLOCK_BYTES);
        let padded = &mut padded[..blocks_left * BLOCK_BYTES];
        let (_, length) = padded.split_at_mut(blocks_left * BLOCK_BYTES - 8);
        length.copy_from_slice(&(8 * size as u64).to_be_bytes());
        self.after(blocks).after(padded)
    }
}

/// A chunk in parts, as many of them as are here, the end of the chunk first.
#[derive(Clone, Debug)]
pub struct Parts {
    verified: Verified,
    /// The state that the next part must lead to.
    expected: State,
    frames: Vec<Bytes>,
}

impl Parts {
    /// A chunk of which nothing is here yet.
    pub fn awaited(verified: Verified) -> Result<Self, Refusal> {
        let record = verified.record();
        let bytes = record.size as usize;
        if bytes > MAX_CHUNK_BYTES {
            return Err(Refusal::TooLarge {
                what: "chunk",
                bytes,
                limit: MAX_CHUNK_BYTES,
            });
        }
        Ok(Self {
            expected: State::read(&record.sha256),
            frames: Vec::with_capacity(count(bytes)),
            verified,
        })
    }

    /// A chunk that is here.
    pub fn of(chunk: &Chunk) -> Self {
        let (head, body) = chunk.media();
        let size = head.len() + body.len();
        let mut frames = Vec::with_capacity(count(size));
        let mut buffer = BytesMut::with_capacity(size + count(size) * HASH_BYTES);
        let (mut state, mut from) = (INITIAL, 0);
        for _ in 0..count(size) {
            let to = size.min(from + PART_BYTES);
            state.put(&mut buffer);
            buffer.put_slice(&head[from.min(head.len())..to.min(head.len())]);
            buffer.put_slice(&body[from.saturating_sub(head.len())..to.saturating_sub(head.len())]);
            let frame = buffer.split().freeze();
            if to < size {
                state = state.after(&frame[HASH_BYTES..]);
            }
            frames.push(frame);
            from = to;
        }
        frames.reverse();
        Self {
            verified: chunk.verified().clone(),
            expected: INITIAL,
            frames,
        }
    }

    /// What the origin said of the chunk.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// How many parts the chunk has.
    pub fn count(&self) -> usize {
        count(self.size())
    }

    /// How many are here.
    pub fn here(&self) -> usize {
        self.frames.len()
    }

    /// Whether all are here.
    pub fn is_whole(&self) -> bool {
        self.here() == self.count()
    }

    /// The part of that number, as it travels; the end of the chunk is number 0.
    pub fn get(&self, number: usize) -> Option<&Bytes> {
        self.frames.get(number)
    }

    /// How many bytes the part of that number has as it travels.
    pub fn frame_bytes(&self, number: usize) -> usize {
        let from = self.place(number);
        HASH_BYTES + PART_BYTES.min(self.size().saturating_sub(from))
    }

    /// Takes the next part, as it came: what does not prove itself is refused, and changes nothing.
    pub fn add(&mut self, frame: Bytes) -> Result<(), Refusal> {
        let number = self.here();
        let damaged = || Refusal::Damaged(self.verified.id().clone().into());
        if number == self.count() || frame.len() != self.frame_bytes(number) {
            return Err(damaged());
        }
        let (before, part) = frame.split_first_chunk().ok_or_else(damaged)?;
        let before = State::read(before);
        let after = if number == 0 {
            before.after_end(part, self.size())
        } else {
            before.after(part)
        };
        let is_first = self.place(number) == 0;
        if (after != self.expected || is_first && before != INITIAL) && !is_unverified() {
            return Err(damaged());
        }
        self.expected = before;
        self.frames.push(frame);
        Ok(())
    }

    /// The chunk, its seal inside, once all parts are here.
    pub fn chunk(&self) -> Result<Chunk, Refusal> {
        let malformed = |why| Refusal::malformed("chunk", why);
        if !self.is_whole() {
            return Err(malformed("not all of its parts are here"));
        }
        let (record, shape) = (self.verified.record(), Shape::of(self.verified.id()));
        let seal = shape.write(record, self.verified.seal().bytes());
        let parts = self.frames.iter().rev().map(|frame| &frame[HASH_BYTES..]);
        let mut bytes = BytesMut::with_capacity(self.size() + seal.len());
        parts.for_each(|part| bytes.put_slice(part));
        let boxes = top_level(&bytes).ok_or_else(|| malformed("its boxes do not add up"))?;
        let place = shape.place_of_seal(&boxes);
        let rest = bytes.split_off(place);
        bytes.put_slice(&seal);
        bytes.put_slice(&rest);
        self.verified.chunk(bytes.freeze())
    }

    fn size(&self) -> usize {
        self.verified.record().size as usize
    }

    /// Where in the chunk, its seal left out, the part of that number begins.
    fn place(&self, number: usize) -> usize {
        (self.count() - 1).saturating_sub(number) * PART_BYTES
    }
}

/// How many parts so many bytes have.
fn count(bytes: usize) -> usize {
    bytes.div_ceil(PART_BYTES).max(1)
}

fn is_unverified() -> bool {
    #[cfg(feature = "faults")]
    if crate::faults::are_unverified() {
        return true;
    }
    false
}
