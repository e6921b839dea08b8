//! The exchange: what two boxes say to each other, `have → want → here → done`.
//!
//! A request on the wire is a length (u32, big-endian), then what [`Request::encode`] made. The transport checks that length
//! against the bound before it allocates anything. The answer to a `want` is a byte, and the parts of the chunk.

use bytes::{BufMut, Bytes, BytesMut};
use minicbor::Decoder;
use minicbor::bytes::ByteSlice;

use crate::cbor;
use crate::chunk::{MAX_SEAL_BYTES, Seal};
use crate::id::ChunkId;
use crate::seal::Refusal;

/// The name of the protocol of the stream on which one [`Request::Want`] goes and its answer comes; its last part is the
/// version.
pub const PROTOCOL: &str = "/boxmesh/exchange/1";

/// The name of the protocol of the one stream that each box keeps open to each neighbour, for all
/// requests but [`Request::Want`]. Its reader says one byte, 0, when it is there.
pub const TALK: &str = "/boxmesh/talk/1";

/// The most seals in one `have`.
pub const MAX_HAVE: usize = 128;

/// The largest request, in bytes after the length.
pub const MAX_REQUEST_BYTES: usize = MAX_HAVE * (MAX_SEAL_BYTES + 8);

const HAVE: u8 = 1;
const WANT: u8 = 2;
const DONE: u8 = 3;
const SEEK: u8 = 4;

const HERE: u8 = 1;
const BUSY: u8 = 2;
const GONE: u8 = 3;
const WAIT: u8 = 4;

/// What a box asks a neighbour for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The chunk.
    pub id: ChunkId,
    /// How many of its parts are with who asks already.
    pub here: u16,
    /// Whether who asks can pass it on in time: those who can are served before those whose uplinks are slower than the
    /// stream.
    pub hands_on: bool,
}

/// What a box says to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// "I hold the chunks with these seals, or they are coming here and I pass on what has come."
    Have(Vec<Seal>),
    /// "Give me this one." Answered by a [`Response`].
    Want(Want),
    /// "It arrived": the upload slot is free again.
    Done(ChunkId),
    /// "I said that I hold this one, and it does not come to me: tell me again if you hold it."
    Seek(ChunkId),
}

impl Request {
    /// Kind and body.
    pub fn encode(&self) -> Bytes {
        let (kind, body) = match self {
            Self::Have(seals) => (HAVE, encoded(seals)),
            Self::Want(want) => (WANT, cbor::encode(&(&want.id, want.here, want.hands_on))),
            Self::Done(id) => (DONE, cbor::encode(id)),
            Self::Seek(id) => (SEEK, cbor::encode(id)),
        };
        framed(kind, &body)
    }

    /// Reads kind and body.
    pub fn decode(frame: &Bytes) -> Result<Self, Refusal> {
        bounded("request", frame, MAX_REQUEST_BYTES)?;
        match frame.split_first() {
            Some((&HAVE, body)) => seals(body).map(Self::Have),
            Some((&WANT, body)) => {
                let want = cbor::decode_unversioned("want", body);
                want.map(|(id, here, hands_on)| Self::Want(Want { id, here, hands_on }))
            }
            Some((&DONE, body)) => cbor::decode_unversioned("done", body).map(Self::Done),
            Some((&SEEK, body)) => cbor::decode_unversioned("seek", body).map(Self::Seek),
            _ => Err(Refusal::malformed("request", "of no kind that is known here")),
        }
    }
}

/// What the neighbour answers to a [`Request::Want`]: one byte, and after [`Response::Wait`] another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The rest of the [parts](crate::parts) follow, one after another, some of them perhaps only as they come.
    Here,
    /// All upload slots are taken: another answer follows when one is free, or will not be soon. Who asked may ask others
    /// meanwhile. After this [`Response::Here`] is an offer, which is taken with the number of parts that are there.
    Wait,
    /// All upload slots are taken.
    Busy,
    /// Not kept any more.
    Gone,
}

impl Response {
    /// The byte that says so.
    pub fn encode(self) -> u8 {
        match self {
            Self::Here => HERE,
            Self::Wait => WAIT,
            Self::Busy => BUSY,
            Self::Gone => GONE,
        }
    }

    /// Reads that byte.
    pub fn decode(byte: u8) -> Result<Self, Refusal> {
        match byte {
            HERE => Ok(Self::Here),
            WAIT => Ok(Self::Wait),
            BUSY => Ok(Self::Busy),
            GONE => Ok(Self::Gone),
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
