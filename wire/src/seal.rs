//! Signatures: COSE_Sign1 (RFC 9052 §4.2) with Ed25519, in one exact form.
//!
//! [`sign`] and [`open`] serve everything that is signed. The purpose of a message goes into the
//! signature, so a hello can never pass for a seal. What is not under the signature has fixed
//! values only: there is nothing in a signed message that somebody else could change.

use bytes::Bytes;
use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode, Encoder};

use crate::cbor;
use crate::id::ChunkId;
use crate::key::{PublicKey, SIGNATURE_BYTES, SecretKey};

/// `{1: -8}`: the algorithm is EdDSA (RFC 9053 §2.2).
const PROTECTED: [u8; 3] = [0xA1, 0x01, 0x27];

/// Tag 18, array of four, the protected header, an empty unprotected one.
const START: [u8; 7] = [0xD2, 0x84, 0x43, PROTECTED[0], PROTECTED[1], PROTECTED[2], 0xA0];

/// The head of a byte string of 64 bytes.
const SIGNATURE_HEAD: [u8; 2] = [0x58, 0x40];

/// Why something signed was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not in the form that the protocol gives it.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// The kind of message.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Larger than anything of its kind may be.
    #[error("{what} of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// The kind of message.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The largest size allowed.
        limit: usize,
    },
    /// From a version of the protocol that is not spoken here.
    #[error("{what} is of version {theirs}; version {ours} is spoken here")]
    Version {
        /// The kind of message.
        what: &'static str,
        /// The version it says.
        theirs: u64,
        /// The version spoken here.
        ours: u64,
    },
    /// Nobody holding one of the expected keys signed this.
    #[error("{0} is not signed by a key that it should be signed by")]
    Forged(&'static str),
    /// The record is genuine; the bytes were changed on the way.
    #[error("bytes of chunk {0} do not match their seal")]
    Damaged(Box<ChunkId>),
    /// A genuine chunk in the place of another.
    #[error("chunk {found} came in the place of {expected}")]
    Unexpected {
        /// What was asked for.
        expected: Box<ChunkId>,
        /// What came.
        found: Box<ChunkId>,
    },
}

impl Refusal {
    /// A malformed message, for the reason given.
    pub fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed {
            what,
            why: why.into(),
        }
    }

    /// The reason in one word, as it is told to the other side and counted.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too-large",
            Self::Version { .. } => "version",
            Self::Forged(_) => "forged",
            Self::Damaged(_) => "damaged",
            Self::Unexpected { .. } => "unexpected",
        }
    }
}

/// A message that is only believed when it is signed.
pub trait Signed: Encode<()> + for<'b> Decode<'b, ()> {
    /// What the message is called in refusals.
    const NAME: &'static str;
    /// What the signature is for; no two kinds of message share one.
    const PURPOSE: &'static str;
    /// The largest a signed message of this kind may be, in bytes.
    const MAX_BYTES: usize;

    /// Bounds that the encoding does not express.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A message that carries the key that it is signed with: it proves who speaks, not that he may.
pub trait SelfSigned: Signed {
    /// The key in the message.
    fn key(&self) -> &PublicKey;
}

/// Signs a message.
pub fn sign<T: Signed>(secret: &SecretKey, message: &T) -> Bytes {
    let payload = cbor::encode(message);
    let signature = secret.sign(&signed_bytes(T::PURPOSE, &payload));
    let mut out =
        Vec::with_capacity(START.len() + 5 + payload.len() + SIGNATURE_HEAD.len() + signature.len());
    out.extend_from_slice(&START);
    out.extend(cbor::encode::<&ByteSlice>(&(&*payload).into()));
    out.extend_from_slice(&SIGNATURE_HEAD);
    out.extend_from_slice(&signature);
    out.into()
}

/// Opens a message that one of `keys` should have signed.
pub fn open<T: Signed>(bytes: &[u8], keys: &[PublicKey]) -> Result<T, Refusal> {
    let parts = Parts::of::<T>(bytes)?;
    // Who signed comes first: a stranger's payload is not worth reading.
    let signed = signed_bytes(T::PURPOSE, parts.payload);
    if !keys.iter().any(|key| key.signed(&signed, parts.signature)) {
        return Err(Refusal::Forged(T::NAME));
    }
    parts.message()
}

/// Opens a message with the key that it carries.
pub fn open_own<T: SelfSigned>(bytes: &[u8]) -> Result<T, Refusal> {
    let parts = Parts::of::<T>(bytes)?;
    let message: T = parts.message()?;
    if !message
        .key()
        .signed(&signed_bytes(T::PURPOSE, parts.payload), parts.signature)
    {
        return Err(Refusal::Forged(T::NAME));
    }
    Ok(message)
}

/// What a message says, whoever wrote it: good for finding the keys to open it with, and for nothing else.
pub(crate) fn claim<T: Signed>(bytes: &[u8]) -> Result<T, Refusal> {
    Parts::of::<T>(bytes)?.message()
}

/// The two parts of a COSE_Sign1 that are not fixed.
struct Parts<'a> {
    payload: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    fn of<T: Signed>(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > T::MAX_BYTES {
            return Err(Refusal::TooLarge {
                what: T::NAME,
                bytes: bytes.len(),
                limit: T::MAX_BYTES,
            });
        }
        Self::split(bytes).ok_or_else(|| Refusal::malformed(T::NAME, "not a COSE_Sign1 as we write it"))
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (rest, signature) = bytes.strip_prefix(&START)?.split_last_chunk()?;
        let wrapped = rest.strip_suffix(&SIGNATURE_HEAD)?;
        let payload = minicbor::Decoder::new(wrapped).bytes().ok()?;
        // The payload's length is not under the signature either: it too has one spelling.
        (cbor::encode::<&ByteSlice>(&payload.into()) == wrapped).then_some(Self { payload, signature })
    }

    fn message<T: Signed>(&self) -> Result<T, Refusal> {
        let message: T = cbor::decode(T::NAME, self.payload)?;
        message.check().map_err(|why| Refusal::malformed(T::NAME, why))?;
        Ok(message)
    }
}

/// The `Sig_structure` of RFC 9052 §4.4.
fn signed_bytes(purpose: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + purpose.len() + 24);
    Encoder::new(&mut out)
        .array(4)
        .and_then(|out| out.str("Signature1"))
        .and_then(|out| out.bytes(&PROTECTED))
        .and_then(|out| out.bytes(purpose.as_bytes()))
        .and_then(|out| out.bytes(payload))
        .expect("writing to a Vec cannot fail");
    out
}
