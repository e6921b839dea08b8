//! The exchange: what two boxes say to each other, `have → want → here → done`.
//!
//! Each box keeps one stream open to each neighbour, for as long as they are neighbours, and says all that it has to say
//! on it, the parts of chunks too. A word on the wire is a length (u32, big-endian), then what [`Word::encode`] made. The
//! transport checks that length against the bound before it allocates anything.

use bytes::{BufMut, Bytes, BytesMut};
use minicbor::Decoder;
use minicbor::bytes::ByteSlice;

use crate::cbor;
use crate::chunk::{HASH_BYTES, MAX_SEAL_BYTES, Seal};
use crate::id::{ChannelName, ChunkId, MAX_CHANNEL_BYTES};
use crate::parts::PART_BYTES;
use crate::seal::Refusal;

/// The name of the protocol; its last part is the version. The reader of a stream says one byte, 0, when it is there.
pub const PROTOCOL: &str = "/boxmesh/exchange/1";

/// The most seals in one `have`.
pub const MAX_HAVE: usize = 128;

/// The most channels in one `leave`.
pub const MAX_LEFT: usize = 256;

/// The largest word, in bytes after the length.
pub const MAX_WORD_BYTES: usize = MAX_HAVE * (MAX_SEAL_BYTES + 8);

/// How the length before a word is written: a u32.
const LENGTH_BYTES: usize = size_of::<u32>();

const HAVE: u8 = 1;
const WANT: u8 = 2;
const DONE: u8 = 3;
const SEEK: u8 = 4;
const TAKE: u8 = 5;
const STOP: u8 = 6;
const HERE: u8 = 7;
const WAIT: u8 = 8;
const BUSY: u8 = 9;
const GONE: u8 = 10;
const PART: u8 = 11;
const LEAVE: u8 = 12;

/// The number of a want: each that a box sends to a neighbour has the number after the last one's.
pub type WantNumber = u32;

/// What a box asks a neighbour for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// By which the two speak of it from then on.
    pub number: WantNumber,
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
pub enum Word {
    /// "I hold the chunks with these seals, or they are coming here and I pass on what has come."
    Have(Vec<Seal>),
    /// "Give me this one." Followed by [`Word::Answer`].
    Want(Want),
    /// "It arrived": the upload slot is free again.
    Done(ChunkId),
    /// "I said that I hold this one, and it does not come to me: tell me again if you hold it."
    Seek(ChunkId),
    /// "Now that it is my turn: give me the parts from that number on."
    Take(WantNumber, u16),
    /// "I do not want it any more, of you."
    Stop(WantNumber),
    /// What becomes of a want.
    Answer(WantNumber, Answer),
    /// One of the [parts](crate::parts), in their order.
    Part(WantNumber, Bytes),
    /// "Tell me nothing of these channels, and only of these: others carry them." Not said, it is none.
    Leave(Vec<ChannelName>),
}

/// What a box says to a [`Word::Want`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The rest of the parts follow, some of them perhaps only as they come.
    Here,
    /// All upload slots are taken: another answer follows when one is free, or will not be soon. Who asked may ask others
    /// meanwhile. After this [`Answer::Here`] is an offer, which is taken by [`Word::Take`].
    Wait,
    /// All upload slots are taken.
    Busy,
    /// Not kept any more; in the middle of the parts: it comes no further.
    Gone,
}

impl Word {
    /// Kind and body.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.put(&mut out);
        out.freeze()
    }

    /// The word as it travels, its length before it.
    pub fn frame(&self, out: &mut BytesMut) {
        let at = out.len();
        out.put_u32(0);
        self.put(out);
        // Its bound is far below that of the length.
        let length = u32::try_from(out.len() - at - LENGTH_BYTES).unwrap_or(u32::MAX);
        out[at..at + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    }

    fn put(&self, out: &mut BytesMut) {
        let (kind, body) = match self {
            Self::Have(seals) => (HAVE, encoded(seals)),
            Self::Want(want) => {
                let want = (want.number, &want.id, want.here, want.hands_on);
                (WANT, cbor::encode(&want))
            }
            Self::Done(id) => (DONE, cbor::encode(id)),
            Self::Seek(id) => (SEEK, cbor::encode(id)),
            Self::Take(number, here) => (TAKE, cbor::encode(&(number, here))),
            Self::Stop(number) => (STOP, cbor::encode(number)),
            Self::Leave(channels) => (LEAVE, cbor::encode(channels)),
            Self::Answer(number, answer) => (answer.kind(), cbor::encode(number)),
            Self::Part(number, part) => {
                // Most of what travels is this: it is copied once.
                out.reserve(1 + size_of_val(number) + part.len());
                out.put_u8(PART);
                out.put_u32(*number);
                return out.put_slice(part);
            }
        };
        out.put_u8(kind);
        out.put_slice(&body);
    }

    /// Reads kind and body.
    pub fn decode(frame: &Bytes) -> Result<Self, Refusal> {
        bounded("word", frame, MAX_WORD_BYTES)?;
        let Some((kind, body)) = frame.split_first() else {
            return Err(Refusal::malformed("word", "empty"));
        };
        match *kind {
            HAVE => seals(body).map(Self::Have),
            WANT => {
                let want = cbor::decode_unversioned("want", body);
                want.map(|(number, id, here, hands_on)| {
                    Self::Want(Want {
                        number,
                        id,
                        here,
                        hands_on,
                    })
                })
            }
            DONE => cbor::decode_unversioned("done", body).map(Self::Done),
            SEEK => cbor::decode_unversioned("seek", body).map(Self::Seek),
            TAKE => cbor::decode_unversioned("take", body).map(|(number, here)| Self::Take(number, here)),
            STOP => cbor::decode_unversioned("stop", body).map(Self::Stop),
            PART => part(&frame.slice(1..)),
            LEAVE => left(body).map(Self::Leave),
            kind => {
                let answer = Answer::of(kind)?;
                let number = cbor::decode_unversioned("answer", body)?;
                Ok(Self::Answer(number, answer))
            }
        }
    }
}

impl Answer {
    fn kind(self) -> u8 {
        match self {
            Self::Here => HERE,
            Self::Wait => WAIT,
            Self::Busy => BUSY,
            Self::Gone => GONE,
        }
    }

    fn of(kind: u8) -> Result<Self, Refusal> {
        match kind {
            HERE => Ok(Self::Here),
            WAIT => Ok(Self::Wait),
            BUSY => Ok(Self::Busy),
            GONE => Ok(Self::Gone),
            _ => Err(Refusal::malformed("word", "of no kind that is known here")),
        }
    }
}

/// A number, and a part that shares its bytes with the frame that it came in.
fn part(body: &Bytes) -> Result<Word, Refusal> {
    let Some((number, part)) = body.split_first_chunk() else {
        return Err(Refusal::malformed("part", "shorter than its number"));
    };
    bounded("part", part, HASH_BYTES + PART_BYTES)?;
    Ok(Word::Part(
        u32::from_be_bytes(*number),
        body.slice(number.len()..),
    ))
}

/// The channels in a `leave`.
fn left(body: &[u8]) -> Result<Vec<ChannelName>, Refusal> {
    bounded("leave", body, MAX_LEFT * (MAX_CHANNEL_BYTES + 2) + 3)?;
    let channels: Vec<ChannelName> = cbor::decode_unversioned("leave", body)?;
    if channels.len() > MAX_LEFT {
        let count = channels.len();
        return Err(Refusal::malformed(
            "leave",
            format!("{count} channels are over the limit of {MAX_LEFT}"),
        ));
    }
    Ok(channels)
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

fn bounded(what: &'static str, frame: &[u8], limit: usize) -> Result<(), Refusal> {
    let bytes = frame.len();
    if bytes > limit {
        Err(Refusal::TooLarge { what, bytes, limit })
    } else {
        Ok(())
    }
}
