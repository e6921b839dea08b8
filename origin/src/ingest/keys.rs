//! Stream keys: who may publish which channel.
//!
//! A channel's name is public, its key is not: whoever has the key is the publisher. So keys are kept as
//! salted hashes, by which one that is shown can be recognised, and nothing here shows one unless it is asked to
//! by name.

mod file;
mod follow;
mod hash;
mod ring;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use wire::id::ChannelName;

pub use file::{KeyFile, KeyFileError, StoredKey};
pub(crate) use follow::follow;
pub use ring::KeyRing;
pub(super) use ring::{Grant, KeyId};

const MIN_KEY_CHARS: usize = 8;
const MAX_KEY_CHARS: usize = 128;
/// Of a key that somebody thought of and that is kept as a hash: enough that it is not found by trying.
const MIN_OWN_CHARS: usize = 16;

/// Why a stream key cannot be used. No text of the key is repeated here: errors are printed and logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStreamKey {
    /// There is nothing that parts the channel from the key.
    #[error("there is no '=' between channel and stream key")]
    NoChannel,
    /// What stands before the `=` is no channel name.
    #[error("what stands before '=' is not a channel name: 1 to 32 of the characters a-z 0-9 _ -")]
    Channel,
    /// Shorter than can be kept secret, or longer than encoders take.
    #[error("stream key has {0} characters, not {MIN_KEY_CHARS} to {MAX_KEY_CHARS}")]
    Length(usize),
    /// Encoders put the key into a URL: some characters would not arrive as they were written.
    #[error("stream key has a character that is none of A-Z a-z 0-9 _ -")]
    Character,
    /// A key decides the channel, so it can only have one.
    #[error("channels {0} and {1} have the same stream key")]
    Shared(ChannelName, ChannelName),
}

/// A secret of 8 to 128 of the characters `A-Z a-z 0-9 _ -`. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct StreamKey(Arc<str>);

impl StreamKey {
    /// A key made of 128 random bits, as 32 hexadecimal digits.
    pub fn made_of(random: [u8; 16]) -> Self {
        Self(hex::encode(random).into())
    }

    /// The key itself, for the one line that tells it to the operator.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamKey {
    type Err = BadStreamKey;

    fn from_str(text: &str) -> Result<Self, BadStreamKey> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let letters = text.chars().count();
        if !(MIN_KEY_CHARS..=MAX_KEY_CHARS).contains(&letters) {
            Err(BadStreamKey::Length(letters))
        } else if !text.chars().all(allowed) {
            Err(BadStreamKey::Character)
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("StreamKey(…)")
    }
}

/// One setting `CHANNEL=KEY`: whoever shows the key publishes the channel.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The channel that the key opens.
    pub channel: ChannelName,
    /// The key that opens it.
    pub key: StreamKey,
}

impl FromStr for Assignment {
    type Err = BadStreamKey;

    fn from_str(text: &str) -> Result<Self, BadStreamKey> {
        let (channel, key) = text.split_once('=').ok_or(BadStreamKey::NoChannel)?;
        let channel = channel.parse().map_err(|_| BadStreamKey::Channel)?;
        Ok(Self {
            channel,
            key: key.parse()?,
        })
    }
}

/// What somebody typed where a stream key belongs, or where people put one by mistake. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "correct-horse_7";

    #[test]
    fn a_wrong_setting_is_refused_and_says_what_is_allowed() {
        let refused = |text: &str| text.parse::<Assignment>().unwrap_err();

        assert_eq!(refused("correct-horse_7"), BadStreamKey::NoChannel);
        assert_eq!(refused("De mo=correct-horse_7"), BadStreamKey::Channel);
        assert_eq!(refused("demo=short"), BadStreamKey::Length(5));
        assert_eq!(
            refused(&format!("demo={}", "k".repeat(129))),
            BadStreamKey::Length(129)
        );
        assert_eq!(refused("demo=with a space"), BadStreamKey::Character);
        assert_eq!(refused("demo=with=equals"), BadStreamKey::Character);
        assert_eq!(refused("demo=schlüssel1"), BadStreamKey::Character);
    }

    #[test]
    fn no_debug_text_shows_a_key() {
        let assignment: Assignment = format!("demo={KEY}").parse().unwrap();
        let shown = format!("{assignment:?} {:?} {:?}", assignment.key, Secret(KEY.into()));

        assert!(!shown.contains(KEY), "{shown}");
        assert!(shown.contains("demo"), "{shown}");
        assert_eq!(assignment.key.reveal(), KEY);
    }

    #[test]
    fn a_made_key_is_a_good_one() {
        let made = StreamKey::made_of([0xa5; 16]);
        assert_eq!(
            made.reveal().parse::<StreamKey>().unwrap().reveal(),
            "a5".repeat(16)
        );
    }
}
