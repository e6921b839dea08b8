//! The feed: ZeroMQ messages between an origin and the boxes that it seeds.

use bytes::Bytes;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::cbor::{self, VERSION};
use crate::chunk::{MAX_CHUNK_BYTES, MAX_SEAL_BYTES, Seal};
use crate::id::{BoxId, ChunkId};
use crate::key::{PublicKey, SecretKey};
use crate::news::News;
use crate::seal::{Refusal, Signed, open, sign};
use crate::{Version, seal};

/// The most frames in a message to a box, without ZeroMQ's own identity frame.
pub const MAX_FRAMES: usize = 2;

/// The largest frame in a message to a box, in bytes.
pub const MAX_FRAME_BYTES: usize = MAX_CHUNK_BYTES;

/// The largest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 512;

/// How far a hello's time may be off, in milliseconds.
pub const MAX_HELLO_SKEW_MS: u64 = 60_000;

/// What stands before news, in the place of a seal: it is none.
pub const NEWS: &[u8] = b"news";

const MAX_REASON_BYTES: usize = 256;

/// The first message on a feed: the origin names the box that it means to speak to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hello {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The box that is spoken to.
    #[n(1)]
    pub to: BoxId,
    /// The origin's clock, in milliseconds since 1970.
    #[n(2)]
    pub time: u64,
}

impl Hello {
    /// The hello as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens a hello that one of `keys` should have signed. Whom it names and when is for the box to judge.
    pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, Refusal> {
        open(bytes, keys)
    }
}

impl Signed for Hello {
    const NAME: &'static str = "hello";
    const PURPOSE: &'static str = "boxmesh:hello:1";
    const MAX_BYTES: usize = 512;
}

/// A message from an origin, of the right shape and not yet believed.
#[derive(Clone, Debug)]
pub enum FromOrigin {
    /// A signed hello.
    Hello(Bytes),
    /// A seal, and the chunk that it belongs to.
    Chunk(Seal, Bytes),
    /// Signed news.
    News(Bytes),
}

impl FromOrigin {
    /// Tells the messages apart by their frames.
    pub fn parse(frames: Vec<Bytes>) -> Result<Self, Refusal> {
        let within = |what, frame: Bytes, limit| {
            let bytes = frame.len();
            if bytes > limit {
                Err(Refusal::TooLarge { what, bytes, limit })
            } else {
                Ok(frame)
            }
        };
        let count = frames.len();
        let mut frames = frames.into_iter();
        match (frames.next(), frames.next(), frames.next()) {
            (Some(hello), None, None) => Ok(Self::Hello(within("hello", hello, Hello::MAX_BYTES)?)),
            (Some(first), Some(news), None) if *first == *NEWS => {
                Ok(Self::News(within("news", news, News::MAX_BYTES)?))
            }
            (Some(seal), Some(chunk), None) => Ok(Self::Chunk(
                Seal::new(within("seal", seal, MAX_SEAL_BYTES)?),
                within("chunk", chunk, MAX_CHUNK_BYTES)?,
            )),
            _ => Err(Refusal::Malformed {
                what: "feed message",
                why: format!("{count} frames; a hello is one, a chunk and news are two"),
            }),
        }
    }
}

/// What a box answers to each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The hello was accepted.
    Welcome,
    /// The hello was refused, or none was said yet.
    Unwelcome(String),
    /// The chunk was verified and stored.
    Received(ChunkId),
    /// The chunk was refused, for a reason in one word.
    Refused(ChunkId, String),
    /// The news was verified, and is passed on.
    Heard,
    /// The news was refused, for a reason in one word.
    Unheard(String),
}

impl Answer {
    /// The answer as it travels.
    pub fn encode(&self) -> Bytes {
        cbor::encode(self).into()
    }

    /// Reads an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, seal::Refusal> {
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(Refusal::TooLarge {
                what: "answer",
                bytes: bytes.len(),
                limit: MAX_ANSWER_BYTES,
            });
        }
        cbor::decode("answer", bytes)
    }
}

impl<C> Encode<C> for Answer {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let (word, id, reason) = match self {
            Self::Welcome => ("welcome", None, None),
            Self::Unwelcome(reason) => ("unwelcome", None, Some(reason)),
            Self::Received(id) => ("received", Some(id), None),
            Self::Refused(id, reason) => ("refused", Some(id), Some(reason)),
            Self::Heard => ("heard", None, None),
            Self::Unheard(reason) => ("unheard", None, Some(reason)),
        };
        out.array(2 + u64::from(id.is_some()) + u64::from(reason.is_some()))?
            .u64(VERSION)?
            .str(word)?;
        if let Some(id) = id {
            id.encode(out, context)?;
        }
        if let Some(reason) = reason {
            out.str(clipped(reason))?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Answer {
    fn decode(input: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let length = input.array()?;
        Version::decode(input, context)?;
        match (input.str()?, length) {
            ("welcome", Some(2)) => Ok(Self::Welcome),
            ("unwelcome", Some(3)) => Ok(Self::Unwelcome(input.str()?.into())),
            ("heard", Some(2)) => Ok(Self::Heard),
            ("unheard", Some(3)) => Ok(Self::Unheard(input.str()?.into())),
            ("received", Some(3)) => Ok(Self::Received(ChunkId::decode(input, context)?)),
            ("refused", Some(4)) => Ok(Self::Refused(
                ChunkId::decode(input, context)?,
                input.str()?.into(),
            )),
            _ => Err(decode::Error::message("no answer of a feed")),
        }
    }
}

/// As much of a reason as fits.
fn clipped(reason: &str) -> &str {
    let end = (0..=MAX_REASON_BYTES.min(reason.len()))
        .rev()
        .find(|end| reason.is_char_boundary(*end));
    &reason[..end.unwrap_or(0)]
}
