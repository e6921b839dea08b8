//! CBOR in its one shortest form, and the version that every message starts with.

use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::seal::Refusal;

/// The version of every protocol described in `docs/protocol.md`.
pub const VERSION: u64 = 1;

/// The first element of every message. It exists in one version only: messages of another are refused before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl<C> Encode<C> for Version {
    fn encode<W: minicbor::encode::Write>(
        &self,
        out: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        out.u64(VERSION)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Version {
    fn decode(input: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        if input.u64()? == VERSION {
            Ok(Self)
        } else {
            Err(minicbor::decode::Error::message("another version"))
        }
    }
}

/// The bytes of a message.
pub(crate) fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    minicbor::to_vec(message).expect("writing to a Vec cannot fail")
}

/// Reads a message that was written in the shortest form and in our version.
pub(crate) fn decode<T>(what: &'static str, bytes: &[u8]) -> Result<T, Refusal>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    if let Some(theirs) = version_of(bytes).filter(|theirs| *theirs != VERSION) {
        return Err(Refusal::Version {
            what,
            theirs,
            ours: VERSION,
        });
    }
    decode_unversioned(what, bytes)
}

/// Reads a value that stands inside something versioned already.
pub(crate) fn decode_unversioned<T>(what: &'static str, bytes: &[u8]) -> Result<T, Refusal>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    let message: T = minicbor::decode(bytes).map_err(|error| Refusal::malformed(what, error.to_string()))?;
    if encode(&message) != bytes {
        return Err(Refusal::malformed(
            what,
            "not in the shortest form, or followed by something",
        ));
    }
    Ok(message)
}

fn version_of(bytes: &[u8]) -> Option<u64> {
    let mut input = Decoder::new(bytes);
    input.array().ok()?;
    input.u64().ok()
}
