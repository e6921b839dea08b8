//! The origin's two secrets: the key that seals, and the stream key that lets a publisher in.
//!
//! Both are made at the first start and kept in the data folder.

use program::folder::{Folder, FolderError};
use wire::key::SecretKey;

use crate::ingest::{Assignment, StreamKey};

const ORIGIN_KEY: &str = "origin.key";
const STREAM_KEY: &str = "stream.key";

/// The channel of a stream key that nobody asked for.
const CHANNEL: &str = "live";

/// The key that this origin seals with.
pub fn origin_key(folder: &Folder) -> Result<SecretKey, FolderError> {
    folder.key(ORIGIN_KEY)
}

/// The stream key for an origin that was given none.
pub fn stream_key(folder: &Folder) -> Result<Assignment, FolderError> {
    let make = || format!("{CHANNEL}={}\n", StreamKey::made_of(rand::random()).reveal());
    let text = folder.secret(STREAM_KEY, make)?;
    text.trim_end()
        .parse()
        .map_err(|_| folder.damaged(STREAM_KEY, "a line CHANNEL=KEY"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_first_start_are_those_of_every_start() {
        let parent = tempfile::tempdir().unwrap();
        let start = || {
            let folder = Folder::open(parent.path()).unwrap();
            (origin_key(&folder).unwrap(), stream_key(&folder).unwrap())
        };
        let ((key, stream), (same_key, same_stream)) = (start(), start());
        assert_eq!(key.public(), same_key.public());
        assert_eq!(stream.key.reveal(), same_stream.key.reveal());
        assert_eq!(stream.channel.as_str(), CHANNEL);

        let other = Folder::open(&parent.path().join("other")).unwrap();
        assert_ne!(origin_key(&other).unwrap().public(), key.public());
    }
}
