//! All the stream keys that count now: those of the settings, and those of the data folder, which come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use wire::id::ChannelName;

use super::file::StoredKey;
use super::hash::{KeyHash, SALT_BYTES};
use super::{Assignment, BadStreamKey, MAX_KEY_CHARS, Secret};

/// Names a key without telling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct KeyId(Arc<str>);

/// What a right key gives: its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Grant {
    pub(in crate::ingest) channel: ChannelName,
    pub(in crate::ingest) key: KeyId,
}

/// The keys of an origin. A channel may have several (an old one and its successor), a key has one channel.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    settings: Vec<Held>,
    stored: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    grant: Grant,
    hash: KeyHash,
}

impl KeyRing {
    /// The keys that the settings assign, unless one of them opens two channels. `salt` makes random bytes.
    pub fn new(
        assignments: &[Assignment],
        mut salt: impl FnMut() -> [u8; SALT_BYTES],
    ) -> Result<Self, BadStreamKey> {
        let mut ring = Self::default();
        for (place, Assignment { channel, key }) in assignments.iter().enumerate() {
            let twin = ring.grant(&Secret(key.reveal().into()));
            if let Some(twin) = twin.filter(|twin| twin.channel != *channel) {
                return Err(BadStreamKey::Shared(twin.channel, channel.clone()));
            }
            let hash = KeyHash::of(key.reveal().as_bytes(), salt());
            let id = format!("setting {}", place + 1);
            ring.settings.push(Held::new(channel.clone(), &id, hash));
        }
        Ok(ring)
    }

    /// The same settings with those keys of the data folder, in the place of the ones before.
    #[must_use]
    pub fn with_stored(&self, stored: &[StoredKey]) -> Self {
        let held = |key: &StoredKey| Held::new(key.channel.clone(), &key.id, key.hash.clone());
        Self {
            settings: self.settings.clone(),
            stored: stored.iter().map(held).collect(),
        }
    }

    /// The channels that have a key.
    pub fn channels(&self) -> BTreeSet<&ChannelName> {
        self.held().map(|held| &held.grant.channel).collect()
    }

    /// What `presented` opens; a setting counts before the folder.
    pub(in crate::ingest) fn grant(&self, presented: &Secret) -> Option<Grant> {
        let bytes = presented.0.as_bytes();
        // Nothing so long is a key, and it would be hashed for each.
        if bytes.len() > MAX_KEY_CHARS {
            return None;
        }
        self.held()
            .find(|held| held.hash.is_of(bytes))
            .map(|held| held.grant.clone())
    }

    /// Whether the key is still among them.
    pub(in crate::ingest) fn holds(&self, key: &KeyId) -> bool {
        self.held().any(|held| held.grant.key == *key)
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.settings.iter().chain(&self.stored)
    }
}

impl Held {
    fn new(channel: ChannelName, id: &str, hash: KeyHash) -> Self {
        let key = KeyId(id.into());
        Self {
            grant: Grant { channel, key },
            hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::ENTRY_BYTES;
    use super::*;

    fn ring(settings: &[&str]) -> Result<KeyRing, BadStreamKey> {
        let assignments: Vec<_> = settings.iter().map(|text| text.parse().unwrap()).collect();
        KeyRing::new(&assignments, || [7; SALT_BYTES])
    }

    fn granted(ring: &KeyRing, key: &str) -> Option<Grant> {
        ring.grant(&Secret(key.into()))
    }

    fn opens(ring: &KeyRing, key: &str) -> Option<String> {
        granted(ring, key).map(|grant| grant.channel.to_string())
    }

    #[test]
    fn a_key_opens_its_own_channel_and_only_whole() {
        let ring = ring(&[
            "demo=correct-horse_7",
            "demo=correct-horse_8",
            "other=correct-horse_9",
        ])
        .unwrap();
        assert_eq!(opens(&ring, "correct-horse_7").unwrap(), "demo");
        assert_eq!(opens(&ring, "correct-horse_8").unwrap(), "demo");
        assert_eq!(opens(&ring, "correct-horse_9").unwrap(), "other");
        let (long, longer) = ("k".repeat(129), "k".repeat(1 << 20));
        for wrong in [
            "",
            "correct-horse_",
            "correct-horse_70",
            "Correct-horse_7",
            "demo",
        ] {
            assert_eq!(opens(&ring, wrong), None, "{wrong}");
        }
        assert_eq!((opens(&ring, &long), opens(&ring, &longer)), (None, None));
        assert_eq!(opens(&KeyRing::default(), ""), None);
    }

    #[test]
    fn one_key_for_two_channels_is_refused() {
        let error = ring(&["one=correct-horse_7", "two=correct-horse_7"]).unwrap_err();
        assert_eq!(error.to_string(), "channels one and two have the same stream key");
        assert!(ring(&["one=correct-horse_7", "one=correct-horse_7"]).is_ok());
    }

    #[test]
    fn keys_of_the_folder_come_and_go_and_those_of_the_settings_stay() {
        let settings = ring(&["demo=correct-horse_7"]).unwrap();
        let key = "correct-horse_9".parse().unwrap();
        let stored = StoredKey::new("other".parse().unwrap(), &key, 0, [9; ENTRY_BYTES]);
        let both = settings.with_stored(&[stored]);
        let setting = granted(&both, "correct-horse_7").unwrap();
        let added = granted(&both, "correct-horse_9").unwrap();
        assert_eq!(added.channel.as_str(), "other");
        assert_eq!(both.channels().len(), 2);

        let after = both.with_stored(&[]);
        assert!(both.holds(&added.key) && !after.holds(&added.key));
        assert!(after.holds(&setting.key));
        assert_eq!(opens(&after, "correct-horse_9"), None);
    }

    #[test]
    fn no_debug_text_shows_a_key() {
        let shown = format!("{:?}", ring(&["demo=correct-horse_7"]).unwrap());
        assert!(shown.contains("demo") && !shown.contains("horse"), "{shown}");
    }
}
