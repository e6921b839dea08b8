//! Stream keys: who may publish which channel.
//!
//! A channel's name is public, its key is not: whoever has the key is the publisher. So a key is
//! compared without telling how much of a guess was right, and nothing here shows one unless it is
//! asked to by name.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;

use wire::id::ChannelName;

const MIN_KEY_CHARS: usize = 8;
const MAX_KEY_CHARS: usize = 128;

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

    /// Whether `presented` is this key, in a time that tells nothing but its length.
    fn is(&self, presented: &[u8]) -> bool {
        let key = self.0.as_bytes();
        let differences = key
            .iter()
            .zip(presented)
            .fold(0, |seen, (a, b)| black_box(seen | (a ^ b)));
        key.len() == presented.len() && differences == 0
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

/// All the keys of an origin. A channel may have several (an old one and its successor), a key has one channel.
#[derive(Clone, Debug, Default)]
pub struct StreamKeys(Vec<Assignment>);

impl StreamKeys {
    /// The keys as assigned, unless one of them opens two channels.
    pub fn new(assignments: Vec<Assignment>) -> Result<Self, BadStreamKey> {
        for (place, one) in assignments.iter().enumerate() {
            let twin = assignments
                .iter()
                .skip(place + 1)
                .find(|other| other.key.is(one.key.0.as_bytes()) && other.channel != one.channel);
            if let Some(twin) = twin {
                return Err(BadStreamKey::Shared(one.channel.clone(), twin.channel.clone()));
            }
        }
        Ok(Self(assignments))
    }

    /// The channel that `presented` opens. Every key is looked at, whichever it is.
    pub(super) fn channel(&self, presented: &Secret) -> Option<ChannelName> {
        let mut found = None;
        // On to the end, where `find` would stop at the match and tell by its time which one it was.
        for assignment in &self.0 {
            if assignment.key.is(presented.0.as_bytes()) {
                found = Some(&assignment.channel);
            }
        }
        found.cloned()
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

    fn presented(text: &str) -> Secret {
        Secret(text.into())
    }

    #[test]
    fn a_key_opens_its_own_channel_and_only_whole() {
        let assigned = [
            "demo=correct-horse_7",
            "demo=correct-horse_8",
            "other=correct-horse_9",
        ];
        let keys = StreamKeys::new(assigned.map(|text| text.parse().unwrap()).into()).unwrap();

        assert_eq!(keys.channel(&presented(KEY)).unwrap().as_str(), "demo");
        assert_eq!(
            keys.channel(&presented("correct-horse_8")).unwrap().as_str(),
            "demo"
        );
        assert_eq!(
            keys.channel(&presented("correct-horse_9")).unwrap().as_str(),
            "other"
        );
        for wrong in [
            "",
            "correct-horse_",
            "correct-horse_70",
            "Correct-horse_7",
            "demo",
        ] {
            assert_eq!(keys.channel(&presented(wrong)), None, "{wrong}");
        }
        assert_eq!(StreamKeys::default().channel(&presented("")), None);
    }

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

        let twice = ["one=correct-horse_7", "two=correct-horse_7"].map(|text| text.parse().unwrap());
        let error = StreamKeys::new(twice.into()).unwrap_err();
        assert_eq!(error.to_string(), "channels one and two have the same stream key");
    }

    #[test]
    fn no_debug_text_shows_a_key() {
        let assignment: Assignment = format!("demo={KEY}").parse().unwrap();
        let keys = StreamKeys::new(vec![assignment.clone()]).unwrap();

        let shown = format!(
            "{assignment:?} {:?} {keys:?} {:?}",
            assignment.key,
            presented(KEY)
        );

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
