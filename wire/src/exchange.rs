//! The exchange: what two boxes say to each other, `have → want → here → done`.
//!
//! A frame on the wire is a length (u32, big-endian), then what [`Request::encode`] or [`Response::encode`] made.
//! The transport checks that length against the bound before it allocates anything.

use bytes::{BufMut, Bytes, BytesMut};
use minicbor::Decoder;
use minicbor::bytes::ByteSlice;

use crate::cbor;
use crate::chunk::{MAX_CHUNK_BYTES, MAX_SEAL_BYTES, Seal};
use crate::id::ChunkId;
use crate::seal::Refusal;

/// The name of the libp2p protocol; its last part is the version.
pub const PROTOCOL: &str = "/boxmesh/exchange/1";

/// The name of the protocol of the one stream that each box keeps open to each neighbour, for [`Request::Have`] and
/// [`Request::Done`] without answers. Its reader says one byte, 0, when it is there.
pub const TALK: &str = "/boxmesh/talk/1";

/// The most seals in one `have`.
pub const MAX_HAVE: usize = 128;

/// The largest request, in bytes after the length.
pub const MAX_REQUEST_BYTES: usize = MAX_HAVE * (MAX_SEAL_BYTES + 8);

/// The largest answer, in bytes after the length.
pub const MAX_RESPONSE_BYTES: usize = MAX_CHUNK_BYTES + 1;

const HAVE: u8 = 1;
const WANT: u8 = 2;
const DONE: u8 = 3;

const OK: u8 = 0;
const HERE: u8 = 1;
const BUSY: u8 = 2;
const GONE: u8 = 3;

/// What a box says to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// "I hold the chunks with these seals." Answered [`Response::Ok`].
    Have(Vec<Seal>),
    /// "Give me this one." Answered [`Response::Here`], [`Response::Busy`] or [`Response::Gone`].
    Want(ChunkId),
    /// "It arrived": the upload slot is free again. Answered [`Response::Ok`].
    Done(ChunkId),
}

impl Request {
    /// Kind and body.
    pub fn encode(&self) -> Bytes {
        let (kind, body) = match self {
            Self::Have(seals) => (HAVE, encoded(seals)),
            Self::Want(id) => (WANT, cbor::encode(id)),
            Self::Done(id) => (DONE, cbor::encode(id)),
        };
        framed(kind, &body)
    }

    /// Reads kind and body.
    pub fn decode(frame: &Bytes) -> Result<Self, Refusal> {
        bounded("request", frame, MAX_REQUEST_BYTES)?;
        match frame.split_first() {
            Some((&HAVE, body)) => seals(body).map(Self::Have),
            Some((&WANT, body)) => cbor::decode_unversioned("want", body).map(Self::Want),
            Some((&DONE, body)) => cbor::decode_unversioned("done", body).map(Self::Done),
            _ => Err(Refusal::malformed("request", "of no kind that is known here")),
        }
    }
}

/// What the neighbour answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Heard.
    Ok,
    /// The chunk, its seal inside, not yet believed.
    Here(Bytes),
    /// All upload slots are taken.
    Busy,
    /// Not kept any more.
    Gone,
}

impl Response {
    /// Kind and body.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Ok => framed(OK, &[]),
            Self::Here(chunk) => framed(HERE, chunk),
            Self::Busy => framed(BUSY, &[]),
            Self::Gone => framed(GONE, &[]),
        }
    }

    /// Reads kind and body; the chunk is a part of the frame, not a copy.
    pub fn decode(frame: &Bytes) -> Result<Self, Refusal> {
        bounded("response", frame, MAX_RESPONSE_BYTES)?;
        match (frame.first(), frame.len()) {
            (Some(&HERE), _) => Ok(Self::Here(frame.slice(1..))),
            (Some(&OK), 1) => Ok(Self::Ok),
            (Some(&BUSY), 1) => Ok(Self::Busy),
            (Some(&GONE), 1) => Ok(Self::Gone),
            _ => Err(Refusal::malformed("response", "of no kind that is known here")),
        }
    }
}

/// The seals in a `have`. Their number is checked before any is read.
fn seals(body: &[u8]) -> Result<Vec<Seal>, Refusal> {
    let unreadable = |error: minicbor::decode::Error| Refusal::malformed("have", error.to_string());
    let mut input = Decoder::new(body);
    let count = input.array().map_err(unreadable)?.unwrap_or(0);
    if !(1..=MAX_HAVE as u64).contains(&count) {
        return Err(Refusal::malformed(
            "have",
            format!("{count} seals; 1 to {MAX_HAVE} go"),
        ));
    }
    let mut seals = Vec::with_capacity(MAX_HAVE);
    for _ in 0..count {
        let seal = input.bytes().map_err(unreadable)?;
        bounded("seal", seal, MAX_SEAL_BYTES)?;
        seals.push(Seal::copied(seal));
    }
    if encoded(&seals) != body {
        return Err(Refusal::malformed(
            "have",
            "not in the shortest form, or followed by something",
        ));
    }
    Ok(seals)
}

fn encoded(seals: &[Seal]) -> Vec<u8> {
    let list: Vec<&ByteSlice> = seals.iter().map(|seal| (&**seal.bytes()).into()).collect();
    cbor::encode(&list)
}

fn framed(kind: u8, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + body.len());
    out.put_u8(kind);
    out.put_slice(body);
    out.freeze()
}

fn bounded(what: &'static str, frame: &[u8], limit: usize) -> Result<(), Refusal> {
    let bytes = frame.len();
    if bytes > limit {
        Err(Refusal::TooLarge { what, bytes, limit })
    } else {
        Ok(())
    }
}
