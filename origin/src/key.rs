//! The origin's two secrets: the key that seals, and the stream key that lets a publisher in.
//!
//! Both are made at the first start and kept in the data folder.

use wire::key::SecretKey;

use crate::folder::{Folder, FolderError};
use crate::ingest::{Assignment, StreamKey};

const ORIGIN_KEY: &str = "origin.key";
const STREAM_KEY: &str = "stream.key";

/// The channel of a stream key that nobody asked for.
const CHANNEL: &str = "live";

/// The key that this origin seals with.
pub fn origin_key(folder: &Folder) -> Result<SecretKey, FolderError> {
    let text = folder.secret(ORIGIN_KEY, || {
        format!("{}\n", hex::encode(rand::random::<[u8; 32]>()))
    })?;
    let mut seed = [0; 32];
    let read = hex::decode_to_slice(text.trim_end(), &mut seed);
    read.map_err(|_| damaged(folder, ORIGIN_KEY, "a key of 64 hexadecimal digits"))?;
    Ok(SecretKey::from_seed(seed))
}

/// The stream key for an origin that was given none.
pub fn stream_key(folder: &Folder) -> Result<Assignment, FolderError> {
    let make = || format!("{CHANNEL}={}\n", StreamKey::made_of(rand::random()).reveal());
    let text = folder.secret(STREAM_KEY, make)?;
    text.trim_end()
        .parse()
        .map_err(|_| damaged(folder, STREAM_KEY, "a line CHANNEL=KEY"))
}

fn damaged(folder: &Folder, name: &str, what: &'static str) -> FolderError {
    FolderError::Damaged {
        path: folder.path_of(name),
        what,
    }
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

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        folder.secret(ORIGIN_KEY, || "no key".into()).unwrap();
        let error = origin_key(&folder).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("does not hold a key of 64 hexadecimal digits"),
            "{error}"
        );
        assert_eq!(folder.recall(ORIGIN_KEY).unwrap().unwrap(), "no key");
    }
}
