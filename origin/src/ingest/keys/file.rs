//! The stream keys of the data folder: one line each, with the key's hash and never the key.
//!
//! ```text
//! K4F09A1C2 demo 1790000000 sha256:SALT:DIGEST
//! ```
//!
//! Commands change the file while an origin runs, and it follows. A change replaces the whole file, so that
//! nobody reads half of one.

use std::fmt;

use program::folder::{Folder, FolderError};
use wire::id::ChannelName;

use super::hash::{KeyHash, SALT_BYTES};
use super::{MIN_OWN_CHARS, StreamKey};

const FILE: &str = "stream-keys";
const MAX_KEYS: usize = 256;

/// Random bytes in a new entry: its id's, then its salt.
pub(super) const ENTRY_BYTES: usize = ID_BYTES + SALT_BYTES;
const ID_BYTES: usize = 4;
/// Ids begin with a capital letter, which no channel has: what is to be removed is one or the other.
const ID_START: char = 'K';

/// Why the stream keys of the data folder cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The folder is of no use.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A key that somebody thought of, and that is short.
    #[error(
        "the stream key has {0} characters; one that is not made at random needs at least {MIN_OWN_CHARS}"
    )]
    Short(usize),
    /// The very key is there.
    #[error("this stream key is kept already, as {id} for channel {channel}")]
    Twice {
        /// The id of the one that is there.
        id: String,
        /// Its channel.
        channel: ChannelName,
    },
    /// There are as many as are kept.
    #[error("{MAX_KEYS} stream keys are kept already: remove one first")]
    Full,
    /// Nothing to remove.
    #[error("no stream key has the id {0:?}, or is for a channel of that name")]
    Unknown(String),
}

/// One key of the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name among the keys.
    pub id: String,
    /// The channel that it opens.
    pub channel: ChannelName,
    /// When it was added, in seconds since 1970.
    pub added: u64,
    pub(super) hash: KeyHash,
}

impl StoredKey {
    /// An entry for `key`, grown from random bytes.
    pub(super) fn new(channel: ChannelName, key: &StreamKey, added: u64, random: [u8; ENTRY_BYTES]) -> Self {
        let mut salt = [0; SALT_BYTES];
        let (id, rest) = random.split_at(ID_BYTES);
        salt.copy_from_slice(rest);
        Self {
            id: format!("{ID_START}{}", hex::encode_upper(id)),
            channel,
            added,
            hash: KeyHash::of(key.reveal().as_bytes(), salt),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let [id, channel, added, hash] = std::array::from_fn(|_| words.next().unwrap_or_default());
        let is_id = id.starts_with(ID_START) && id.len() == 1 + 2 * ID_BYTES;
        (is_id && words.next().is_none()).then_some(())?;
        Some(Self {
            id: id.into(),
            channel: channel.parse().ok()?,
            added: added.parse().ok()?,
            hash: hash.parse().ok()?,
        })
    }
}

impl fmt::Display for StoredKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            channel,
            added,
            hash,
        } = self;
        write!(out, "{id} {channel} {added} {hash}")
    }
}

/// The keys in a data folder.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile<'a>(pub &'a Folder);

impl KeyFile<'_> {
    /// The keys; `None` where there never were any.
    pub fn read(self) -> Result<Option<Vec<StoredKey>>, FolderError> {
        self.text()?.map(|text| self.parse(&text)).transpose()
    }

    /// What the file says.
    pub(super) fn text(self) -> Result<Option<String>, FolderError> {
        self.0.recall(FILE)
    }

    /// The keys in the file's `text`.
    pub(super) fn parse(self, text: &str) -> Result<Vec<StoredKey>, FolderError> {
        let keys: Option<Vec<_>> = text.lines().map(StoredKey::parse).collect();
        keys.filter(|keys| keys.len() <= MAX_KEYS)
            .ok_or_else(|| self.0.damaged(FILE, "stream keys, a line for each"))
    }

    /// Keeps a key that somebody thought of: nobody knows how easily it is guessed, but long it has to be.
    pub fn add_own(
        self,
        channel: ChannelName,
        key: &StreamKey,
        now_s: u64,
        random: [u8; ENTRY_BYTES],
    ) -> Result<StoredKey, KeyFileError> {
        let letters = key.reveal().chars().count();
        if letters < MIN_OWN_CHARS {
            return Err(KeyFileError::Short(letters));
        }
        self.add(channel, key, now_s, random)
    }

    /// Keeps a key that was made at random.
    pub fn add(
        self,
        channel: ChannelName,
        key: &StreamKey,
        now_s: u64,
        random: [u8; ENTRY_BYTES],
    ) -> Result<StoredKey, KeyFileError> {
        let entry = StoredKey::new(channel, key, now_s, random);
        self.change(|keys| {
            let key = key.reveal().as_bytes();
            if let Some(StoredKey { id, channel, .. }) = keys.iter().find(|twin| twin.hash.is_of(key)) {
                let (id, channel) = (id.clone(), channel.clone());
                return Err(KeyFileError::Twice { id, channel });
            }
            if keys.len() >= MAX_KEYS {
                return Err(KeyFileError::Full);
            }
            keys.push(entry.clone());
            Ok(())
        })?;
        Ok(entry)
    }

    /// Removes the key of that id, or all of that channel; they are what is answered.
    pub fn remove(self, which: &str) -> Result<Vec<StoredKey>, KeyFileError> {
        let mut removed = Vec::new();
        self.change(|keys| {
            let is_meant = |key: &mut StoredKey| key.id == which || key.channel.as_str() == which;
            removed = keys.extract_if(.., is_meant).collect();
            if removed.is_empty() {
                return Err(KeyFileError::Unknown(which.chars().take(64).collect()));
            }
            Ok(())
        })?;
        Ok(removed)
    }

    fn change(
        self,
        change: impl FnOnce(&mut Vec<StoredKey>) -> Result<(), KeyFileError>,
    ) -> Result<(), KeyFileError> {
        let _turn = self.0.turn(FILE)?;
        let mut keys = self.read()?.unwrap_or_default();
        change(&mut keys)?;
        let mut lines: Vec<_> = keys.iter().map(StoredKey::to_string).collect();
        // A line end behind the last one too.
        lines.push(String::new());
        Ok(self.0.keep(FILE, &lines.join("\n"))?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        (parent, folder)
    }

    fn key(text: &str) -> StreamKey {
        text.parse().unwrap()
    }

    fn channel(name: &str) -> ChannelName {
        name.parse().unwrap()
    }

    #[test]
    fn keys_are_kept_as_hashes_that_nobody_else_can_read() {
        let (parent, folder) = folder();
        let file = KeyFile(&folder);
        assert_eq!(file.read().unwrap(), None);

        let add = |text, n: u8| file.add(channel("demo"), &key(text), n.into(), [n; ENTRY_BYTES]);
        let (one, two) = (
            add("correct-horse_7", 1).unwrap(),
            add("correct-horse_8", 2).unwrap(),
        );
        assert_eq!(one.id, "K01010101");
        assert_eq!(file.read().unwrap().unwrap(), [one, two]);
        let path = parent.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("horse"), "{text}");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_removed_by_its_id_and_all_of_a_channel_by_its_name() {
        let (_parent, folder) = folder();
        let file = KeyFile(&folder);
        for (number, name) in (1..).zip(["demo", "demo", "other"]) {
            let key = StreamKey::made_of([number; 16]);
            file.add(channel(name), &key, 0, [number; ENTRY_BYTES]).unwrap();
        }
        assert_eq!(file.remove("K03030303").unwrap().len(), 1);
        assert_eq!(file.remove("demo").unwrap().len(), 2);
        let left = file.read().unwrap();
        assert_eq!(left, Some(Vec::new()), "not as if there never had been any");
        let error = file.remove("demo").unwrap_err();
        assert!(matches!(error, KeyFileError::Unknown(which) if which == "demo"));
    }

    #[test]
    fn a_key_that_cannot_be_kept_is_refused_with_the_reason() {
        let (_parent, folder) = folder();
        let file = KeyFile(&folder);
        let short = file.add_own(channel("demo"), &key("hush-hush"), 0, [255; ENTRY_BYTES]);
        assert!(matches!(short, Err(KeyFileError::Short(9))));

        let own = key("correct-horse_battery");
        file.add_own(channel("demo"), &own, 0, [255; ENTRY_BYTES])
            .unwrap();
        let twice = file.add(channel("other"), &own, 0, [254; ENTRY_BYTES]);
        assert!(matches!(twice, Err(KeyFileError::Twice { id, .. }) if id == "KFFFFFFFF"));

        for number in 1..u8::try_from(MAX_KEYS).unwrap_or(u8::MAX) {
            let key = StreamKey::made_of([number; 16]);
            file.add(channel(&"long".repeat(8)), &key, u64::MAX, [number; ENTRY_BYTES])
                .unwrap();
        }
        file.add(channel("demo"), &key("correct-horse_last"), 0, [0; ENTRY_BYTES])
            .unwrap();
        let more = file.add(channel("demo"), &key("correct-horse_more"), 0, [3; ENTRY_BYTES]);
        assert!(matches!(more, Err(KeyFileError::Full)));
        let keys = file.read().unwrap().unwrap();
        assert_eq!(keys.len(), MAX_KEYS, "as large as it gets it can be read");
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_replaced() {
        let (_parent, folder) = folder();
        folder.keep(FILE, "K01010101 demo\n").unwrap();
        let added = KeyFile(&folder).add(channel("demo"), &key("correct-horse_7"), 0, [1; ENTRY_BYTES]);
        let error = added.unwrap_err().to_string();
        assert!(error.contains("stream-keys does not hold"), "{error}");
        assert_eq!(folder.recall(FILE).unwrap().unwrap(), "K01010101 demo\n");
    }
}
