//! The names of things: boxes, channels, epochs, tracks, chunks.
//!
//! Each is checked when it is made, so whoever holds one may put it into a path or a log line.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::key::PublicKey;
use crate::text::travels_as_text;

/// The segment number under which an init segment travels; media segments count from 1.
pub const INIT_SEGMENT: u32 = 0;

pub(crate) const MAX_CHANNEL_BYTES: usize = 32;
const MAX_TRACK_NUMBER: u8 = 15;
const POSTER: &str = "poster";

/// Why a text is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Not `[a-z0-9_-]{1,32}`.
    #[error("channel name {0:?} is not 1 to 32 of the characters a-z 0-9 _ -")]
    Channel(String),
    /// Not a decimal number of milliseconds.
    #[error("epoch {0:?} is not a number of milliseconds")]
    Epoch(String),
    /// Not `v0`…`v15`, `a0`…`a15` or `poster`.
    #[error("track {0:?} is not v0 to v15, a0 to a15 or poster")]
    Track(String),
    /// Not `box-` and a UUID in lower case.
    #[error("box id {0:?} is not box- and a UUID in lower case")]
    Box(String),
}

/// A box's name, derived from its public key so that no other key can claim it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoxId(Uuid);

impl BoxId {
    /// The only id that the holder of `key` can have: a UUID version 8 (RFC 9562 §5.8) of its hash.
    pub fn of(key: &PublicKey) -> Self {
        let hash = Sha256::new()
            .chain_update(b"boxmesh box id 1")
            .chain_update(key.bytes())
            .finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(Builder::from_custom_bytes(first).into_uuid())
    }

    /// The 16 bytes of its UUID, for where every byte counts.
    pub fn bytes(&self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// The box whose UUID has these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for BoxId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "box-{}", self.0.as_hyphenated())
    }
}

impl FromStr for BoxId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let id = text
            .strip_prefix("box-")
            .and_then(|uuid| Uuid::try_parse(uuid).ok())
            .map(Self);
        // One spelling only: UUIDs may also be written in braces, in capitals or without hyphens.
        id.filter(|id| id.to_string() == text)
            .ok_or_else(|| BadName::Box(shown(text)))
    }
}

/// A channel's public name, `[a-z0-9_-]{1,32}`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for ChannelName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let length = 1..=MAX_CHANNEL_BYTES;
        if length.contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(BadName::Channel(shown(text)))
        }
    }
}

/// One unbroken timeline of a channel: the milliseconds since 1970 at which it began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for Epoch {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        text.parse()
            .ok()
            .map(Self)
            .filter(|epoch| epoch.to_string() == text)
            .ok_or_else(|| BadName::Epoch(shown(text)))
    }
}

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One elementary stream of a channel: `v0`, `v1`, `a0`; and its posters, `poster`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrackId {
    /// First, so that posters are behind everything else in the order of tracks.
    poster: bool,
    kind: TrackKind,
    number: u8,
}

impl TrackId {
    /// The channel's first, or only, video track.
    pub const VIDEO: Self = Self::played(TrackKind::Video, 0);
    /// The channel's first, or only, audio track.
    pub const AUDIO: Self = Self::played(TrackKind::Audio, 0);
    /// The channel's posters: still pictures of what is on, for those who choose a channel. No player asks for them,
    /// and each is a segment of one chunk.
    pub const POSTER: Self = Self {
        poster: true,
        ..Self::VIDEO
    };

    /// The track of that kind and number, 0 to 15.
    pub fn new(kind: TrackKind, number: u8) -> Option<Self> {
        (number <= MAX_TRACK_NUMBER).then_some(Self::played(kind, number))
    }

    const fn played(kind: TrackKind, number: u8) -> Self {
        Self {
            poster: false,
            kind,
            number,
        }
    }

    /// Whether it is video or audio. Posters are pictures; [`TrackId::is_poster`] tells them from what is played.
    pub fn kind(self) -> TrackKind {
        self.kind
    }

    /// Its number among the tracks of its kind.
    pub fn number(self) -> u8 {
        self.number
    }

    /// Whether these are posters: no part of what is played, so nobody waits for them.
    pub fn is_poster(self) -> bool {
        self.poster
    }

    /// How its segments' names end: `m4v`, `m4a` or `jpg`.
    pub fn extension(self) -> &'static str {
        match self.kind {
            _ if self.poster => "jpg",
            TrackKind::Video => "m4v",
            TrackKind::Audio => "m4a",
        }
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            _ if self.poster => return out.write_str(POSTER),
            TrackKind::Video => 'v',
            TrackKind::Audio => 'a',
        };
        write!(out, "{letter}{}", self.number)
    }
}

impl FromStr for TrackId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if text == POSTER {
            return Ok(Self::POSTER);
        }
        let read = || {
            let kind = match text.as_bytes().first()? {
                b'v' => TrackKind::Video,
                b'a' => TrackKind::Audio,
                _ => return None,
            };
            Self::new(kind, text.get(1..)?.parse().ok()?).filter(|track| track.to_string() == text)
        };
        read().ok_or_else(|| BadName::Track(shown(text)))
    }
}

/// The name of one chunk. It means the same bytes for ever, since the epoch is part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// The channel that it belongs to.
    pub channel: ChannelName,
    /// The epoch of the channel.
    pub epoch: Epoch,
    /// The track of the channel.
    pub track: TrackId,
    /// The segment, counted from 1; [`INIT_SEGMENT`] is the track's init segment.
    pub segment: u32,
    /// Its place in the segment, counted from 0.
    pub index: u16,
}

impl ChunkId {
    /// The name of a track's init segment, which is a single chunk.
    pub fn init(channel: ChannelName, epoch: Epoch, track: TrackId) -> Self {
        Self {
            channel,
            epoch,
            track,
            segment: INIT_SEGMENT,
            index: 0,
        }
    }

    /// Whether this names an init segment.
    pub fn is_init(&self) -> bool {
        self.segment == INIT_SEGMENT
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            channel,
            epoch,
            track,
            segment,
            index,
        } = self;
        write!(out, "{channel}/{epoch}/{track}/{segment}.{index}")
    }
}

impl<C> Encode<C> for ChunkId {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        out.array(5)?;
        self.channel.encode(out, context)?;
        self.epoch.encode(out, context)?;
        self.track.encode(out, context)?;
        out.u32(self.segment)?.u16(self.index)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ChunkId {
    fn decode(input: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        if input.array()? != Some(5) {
            return Err(decode::Error::message("a chunk id has five elements"));
        }
        Ok(Self {
            channel: ChannelName::decode(input, context)?,
            epoch: Epoch::decode(input, context)?,
            track: TrackId::decode(input, context)?,
            segment: input.u32()?,
            index: input.u16()?,
        })
    }
}

impl<C> Encode<C> for Epoch {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        out.u64(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Epoch {
    fn decode(input: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        input.u64().map(Self)
    }
}

travels_as_text!(BadName: BoxId, ChannelName, TrackId);

/// A name in a log is worth as much without the words around it.
macro_rules! debug_as_displayed {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    )*};
}
debug_as_displayed!(BoxId, ChannelName, Epoch, TrackId, ChunkId);

/// As much of a refused name as an error message may repeat.
fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        for good in ["v0", "v15", "a0", "poster"] {
            assert_eq!(good.parse::<TrackId>().unwrap().to_string(), good);
        }
        for bad in [
            "", "v", "v16", "v01", "V0", "x0", "a-1", "v+1", "vé", "poster0", "p0",
        ] {
            assert!(bad.parse::<TrackId>().is_err(), "{bad}");
        }
        for bad in ["", "Demo", "a b", "../x", &"a".repeat(33)] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad}");
        }
        for bad in ["", "+1", "01", "-1", "18446744073709551616"] {
            assert!(bad.parse::<Epoch>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_box_id_follows_from_its_key_and_from_nothing_else() {
        let one = crate::key::SecretKey::from_seed([1; 32]).public();
        let other = crate::key::SecretKey::from_seed([2; 32]).public();
        let id = BoxId::of(&one);

        assert_eq!(id, BoxId::of(&one));
        assert_ne!(id, BoxId::of(&other));
        assert_eq!(id.to_string().parse::<BoxId>().unwrap(), id);
        assert_eq!(
            id.to_string().as_bytes()["box-".len() + 14],
            b'8',
            "a UUID version 8"
        );
        assert!(id.to_string().to_uppercase().parse::<BoxId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<BoxId>().is_err());
    }
}
