//! The box's key: made at the first start, kept in the data folder, and with it the box's id for ever.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wire::id::BoxId;
use wire::key::{KEY_BYTES, SecretKey};

const FILE: &str = "box.key";

/// More than a key's 64 digits and a line end: whoever has this many has something else.
const MAX_FILE_BYTES: u64 = 100;

/// Why the box has no key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused something.
    #[error("cannot {verb} {}: {error}", path.display())]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The key is open to others.
    #[error("{} can be read by others (mode {mode:04o}): the key in it may be known; chmod 600 it, or remove it for a new key", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} does not hold a key of 64 hexadecimal digits", .0.display())]
    Damaged(PathBuf),
    /// One key is one box.
    #[error("{} is in use by another box; give each box a --data-dir of its own", .0.display())]
    InUse(PathBuf),
}

/// Who this box is. No other process can be the same box while this lives.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) secret: SecretKey,
    pub(crate) id: BoxId,
    _lock: File,
}

impl Identity {
    /// The identity kept in this folder; a new one, if there is none.
    pub(crate) fn of(folder: &Path) -> Result<Self, IdentityError> {
        let path = folder.join(FILE);
        let refused = |verb: &'static str| {
            let path = path.clone();
            move |error| IdentityError::Refused { verb, path, error }
        };
        let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        created.map_err(refused("make the folder of"))?;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(&path).map_err(refused("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IdentityError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(refused("lock")(error)),
        }
        let mode = file.metadata().map_err(refused("look at"))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::Open { path, mode });
        }
        let mut text = String::new();
        (&file)
            .take(MAX_FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(refused("read"))?;
        // An empty file is one whose making was cut short: no key of it was ever used.
        if text.is_empty() {
            text = hex::encode(rand::random::<[u8; KEY_BYTES]>());
            let written = file
                .write_all(format!("{text}\n").as_bytes())
                .and_then(|()| file.sync_all());
            written.map_err(refused("write"))?;
        }
        let mut seed = [0; KEY_BYTES];
        let read = hex::decode_to_slice(text.trim_end(), &mut seed);
        read.map_err(|_| IdentityError::Damaged(path.clone()))?;
        let secret = SecretKey::from_seed(seed);
        let id = BoxId::of(&secret.public());
        Ok(Self {
            secret,
            id,
            _lock: file,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("boxmesh/box");
        (parent, folder)
    }

    #[test]
    fn the_box_of_the_first_start_is_that_of_every_start() {
        let (_parent, folder) = folder();
        let first = Identity::of(&folder).unwrap().id;
        assert_eq!(Identity::of(&folder).unwrap().id, first);
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let (_other_parent, other) = self::folder();
        assert_ne!(Identity::of(&other).unwrap().id, first);
    }

    #[test]
    fn one_folder_is_one_box() {
        let (_parent, folder) = folder();
        let running = Identity::of(&folder).unwrap();
        let error = Identity::of(&folder).unwrap_err();
        assert!(matches!(error, IdentityError::InUse(_)), "{error}");
        drop(running);
        Identity::of(&folder).unwrap();
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused_and_kept() {
        let (_parent, folder) = folder();
        drop(Identity::of(&folder).unwrap());
        let path = folder.join(FILE);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = Identity::of(&folder).unwrap_err().to_string();
        assert!(
            error.contains("mode 0644") && error.contains("chmod 600"),
            "{error}"
        );

        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        let error = Identity::of(&folder).unwrap_err();
        assert!(matches!(error, IdentityError::Damaged(_)), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "no key");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Identity::of(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("file/data"), "{error}");
    }
}
