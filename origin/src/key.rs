//! The origin's two secrets: the key that seals, and the stream key that lets the first publisher in.
//!
//! Both are made at the first start. The first is kept in the data folder, of the second only a hash is.

mod rotation;

use program::folder::{Folder, FolderError};
use wire::id::ChannelName;
use wire::key::SecretKey;

use crate::ingest::keys::{Assignment, KeyFile, KeyFileError, StreamKey};
pub use rotation::{RotateError, rotate, successions, take_over};

const ORIGIN_KEY: &str = "origin.key";
/// Where an earlier version kept the stream key as it is.
const STREAM_KEY: &str = "stream.key";

/// The channel of a stream key that nobody asked for.
const CHANNEL: &str = "live";

/// The key that this origin seals with.
pub fn origin_key(folder: &Folder) -> Result<SecretKey, FolderError> {
    folder.key(ORIGIN_KEY)
}

/// A stream key for an origin that never had any, which is told this once. One of an earlier version is kept as a
/// hash from now on; whoever uses it knows it.
pub fn first_stream_key(folder: &Folder, now_s: u64) -> Result<Option<Assignment>, KeyFileError> {
    let file = KeyFile(folder);
    if let Some(text) = folder.recall(STREAM_KEY)? {
        let damaged = |_| folder.damaged(STREAM_KEY, "a line CHANNEL=KEY");
        let Assignment { channel, key } = text.trim_end().parse().map_err(damaged)?;
        match file.add(channel, &key, now_s, rand::random()) {
            // It was kept, and the origin ended before the next line.
            Ok(_) | Err(KeyFileError::Twice { .. }) => {}
            Err(error) => return Err(error),
        }
        folder.forget(STREAM_KEY)?;
        return Ok(None);
    }
    if file.read()?.is_some() {
        return Ok(None);
    }
    let channel: ChannelName = CHANNEL.parse().expect("a channel name");
    let key = StreamKey::made_of(rand::random());
    file.add(channel.clone(), &key, now_s, rand::random())?;
    Ok(Some(Assignment { channel, key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_first_start_is_that_of_every_start() {
        let parent = tempfile::tempdir().unwrap();
        let key = |name| {
            let folder = Folder::open(&parent.path().join(name)).unwrap();
            origin_key(&folder).unwrap().public()
        };
        assert_eq!(key("one"), key("one"));
        assert_ne!(key("one"), key("other"));
    }

    #[test]
    fn the_first_start_makes_a_stream_key_and_tells_it_once() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        let made = first_stream_key(&folder, 1).unwrap().unwrap();
        assert_eq!(made.channel.as_str(), CHANNEL);
        assert!(first_stream_key(&folder, 2).unwrap().is_none());
        let kept = KeyFile(&folder).read().unwrap().unwrap();
        assert_eq!((kept.len(), kept[0].added), (1, 1));

        KeyFile(&folder).remove(CHANNEL).unwrap();
        let none = first_stream_key(&folder, 3).unwrap();
        assert!(none.is_none(), "whoever removed it wants none");
        for file in std::fs::read_dir(parent.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains(made.key.reveal()), "{text}");
        }
    }

    #[test]
    fn a_stream_key_of_an_earlier_version_goes_on_as_a_hash() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        folder.keep(STREAM_KEY, "live=correct-horse_7\n").unwrap();
        assert!(first_stream_key(&folder, 1).unwrap().is_none());
        assert_eq!(folder.recall(STREAM_KEY).unwrap(), None);
        let kept = KeyFile(&folder).read().unwrap().unwrap();
        assert_eq!(kept[0].channel.as_str(), "live");
        let again = KeyFile(&folder).add(
            kept[0].channel.clone(),
            &"correct-horse_7".parse().unwrap(),
            0,
            [1; 20],
        );
        assert!(matches!(again, Err(KeyFileError::Twice { .. })));
    }
}
