//! What a tracker calls itself to boxes. Trackers that share a registry are one, and have one name.
//!
//! It is in every announcement, so that what a box said to one mesh means nothing to another.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};

const BYTES: usize = 16;

/// The name of a tracker, and of all that share its registry. The first word to a tracker has none: zeros.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrackerId([u8; BYTES]);

/// Why a text is no name of a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tracker's id is 32 hexadecimal digits in lower case")]
pub struct BadTrackerId;

impl TrackerId {
    /// The name of those bytes.
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TrackerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TrackerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for TrackerId {
    type Err = BadTrackerId;

    fn from_str(text: &str) -> Result<Self, BadTrackerId> {
        let mut bytes = [0; BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadTrackerId)?;
        let id = Self(bytes);
        // One name, one spelling.
        (id.to_string() == text).then_some(id).ok_or(BadTrackerId)
    }
}

impl TryFrom<String> for TrackerId {
    type Error = BadTrackerId;

    fn try_from(text: String) -> Result<Self, BadTrackerId> {
        text.parse()
    }
}

impl From<TrackerId> for String {
    fn from(id: TrackerId) -> Self {
        id.to_string()
    }
}

impl<C> Encode<C> for TrackerId {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        out.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TrackerId {
    fn decode(input: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = input.bytes()?.try_into();
        bytes
            .map(Self)
            .map_err(|_| decode::Error::message("a tracker's id has 16 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_has_one_spelling() {
        let id = TrackerId([0xAB; BYTES]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "ab",
            &"AB".repeat(BYTES),
            &"xy".repeat(BYTES),
            &"ab".repeat(BYTES + 1),
        ] {
            assert_eq!(bad.parse::<TrackerId>(), Err(BadTrackerId), "{bad}");
        }
        let bytes = minicbor::to_vec(id).unwrap();
        assert_eq!(minicbor::decode::<TrackerId>(&bytes).unwrap(), id);
        assert!(minicbor::decode::<TrackerId>(&[0x41, 1]).is_err());
    }
}
