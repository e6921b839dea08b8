//! The data folder: the little that a program must not forget, and that others must not read.
//!
//! A file appears whole or not at all, with mode 0600 from its first moment. One that others can read is
//! refused: its secret may be known already, and only its owner can judge that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wire::key::{KEY_BYTES, SecretKey};

/// The largest file that belongs here: some hundred lines.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// What is wrong with the data folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
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
    /// A secret is open to others.
    #[error("{} can be read by others (mode {mode:04o}): its secret may be known; chmod 600 it, or remove it for a new one", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{} does not hold {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// Another program works in this folder.
    #[error("{} is in use by another program; give each a folder of its own", .0.display())]
    InUse(PathBuf),
}

/// A data folder that exists.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The right to be the one program that works in a folder, for as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _held: File,
}

impl Folder {
    /// The folder at `path`, made for its owner alone if there is none.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(refused("make the data folder", path))?;
        Ok(Self { path: path.into() })
    }

    /// Makes sure that nobody else works here: two would be one box, or begin the same epochs.
    pub fn lock(&self) -> Result<Lock, FolderError> {
        let path = self.path.join("lock");
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        let file = opened.map_err(refused("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _held: file }),
            Err(fs::TryLockError::WouldBlock) => Err(FolderError::InUse(self.path.clone())),
            Err(fs::TryLockError::Error(error)) => Err(refused("lock", &path)(error)),
        }
    }

    /// Waits for the right to change the file of that name, which goes to one program after another.
    pub fn turn(&self, name: &str) -> Result<Lock, FolderError> {
        let path = self.path.join(format!("{name}.lock"));
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        let file = opened.map_err(refused("open", &path))?;
        file.lock().map_err(refused("lock", &path))?;
        Ok(Lock { _held: file })
    }

    /// The secret of that name, which `make` makes if there is none yet.
    pub fn secret(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, FolderError> {
        let path = self.path.join(name);
        if let Some(text) = read_private(&path)? {
            return Ok(text);
        }
        let temporary = write_beside(&path, &make(), File::sync_all)?;
        // Linking fails where somebody else was faster; renaming would replace what he made.
        let linked = fs::hard_link(&temporary, &path);
        let removed = fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(refused("write", &path)(error));
            }
            _ => removed.map_err(refused("remove", &temporary))?,
        }
        read_private(&path)?.ok_or_else(|| refused("read", &path)(io::ErrorKind::NotFound.into()))
    }

    /// The key of that name, made if there is none yet. One that is damaged is refused and not replaced.
    pub fn key(&self, name: &str) -> Result<SecretKey, FolderError> {
        let text = self.secret(name, || {
            format!("{}\n", hex::encode(rand::random::<[u8; KEY_BYTES]>()))
        })?;
        let mut seed = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim_end(), &mut seed)
            .map_err(|_| self.damaged(name, "a key of 64 hexadecimal digits"))?;
        Ok(SecretKey::from_seed(seed))
    }

    /// What was last kept under that name.
    pub fn recall(&self, name: &str) -> Result<Option<String>, FolderError> {
        read_private(&self.path.join(name))
    }

    /// Keeps a text under that name, in the place of what was there.
    pub fn keep(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let temporary = write_beside(&path, text, File::sync_all)?;
        fs::rename(&temporary, &path).map_err(refused("write", &path))?;
        // The file is on disk; its new name is when the folder is.
        let folder = File::open(&self.path).and_then(|folder| folder.sync_all());
        folder.map_err(refused("write", &self.path))
    }

    /// As [`Folder::keep`], without waiting for the disk: it outlives this program, but not a power cut of the next seconds.
    pub fn keep_at_once(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let temporary = write_beside(&path, text, |_| Ok(()))?;
        fs::rename(&temporary, &path).map_err(refused("write", &path))
    }

    /// Removes what was kept under that name, if anything was.
    pub fn forget(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// The file of that name does not hold what it should.
    pub fn damaged(&self, name: &str, what: &'static str) -> FolderError {
        FolderError::Damaged {
            path: self.path.join(name),
            what,
        }
    }
}

/// Writes a private file beside `path`, to be given that name when it is whole.
fn write_beside(
    path: &Path,
    text: &str,
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> Result<PathBuf, FolderError> {
    let temporary = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let opened = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary);
    let mut file = opened.map_err(refused("write", &temporary))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| settle(&file));
    written.map_err(refused("write", &temporary))?;
    Ok(temporary)
}

/// The text of a file that only its owner can read; `None` where there is none.
fn read_private(path: &Path) -> Result<Option<String>, FolderError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused("read", path)(error)),
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FolderError::Open {
            path: path.into(),
            mode,
        });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(FolderError::Damaged {
            path: path.into(),
            what: "a few hundred lines of text",
        });
    }
    fs::read_to_string(path).map(Some).map_err(refused("read", path))
}

fn refused(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |error| FolderError::Refused { verb, path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(&parent.path().join("data")).unwrap();
        (parent, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_made_once_and_nobody_else_can_read_it() {
        let (_parent, folder) = folder();
        assert_eq!(folder.secret("key", || "first".into()).unwrap(), "first");
        assert_eq!(folder.secret("key", || unreachable!()).unwrap(), "first");
        assert_eq!(mode(&folder.path.join("key")), 0o600);
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(
            fs::read_dir(&folder.path).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let (_parent, folder) = folder();
        folder.secret("key", || "secret".into()).unwrap();
        fs::set_permissions(folder.path.join("key"), fs::Permissions::from_mode(0o640)).unwrap();
        let error = folder.secret("key", || unreachable!()).unwrap_err();
        assert!(matches!(error, FolderError::Open { mode: 0o640, .. }));
        assert!(error.to_string().contains("mode 0640"), "{error}");
    }

    #[test]
    fn one_program_works_in_a_folder() {
        let (_parent, folder) = folder();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::InUse(_))));
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn the_key_of_the_first_start_is_that_of_every_start() {
        let (_parent, one) = folder();
        let (_other_parent, other) = folder();
        let key = one.key("box.key").unwrap().public();
        assert_eq!(one.key("box.key").unwrap().public(), key);
        assert_ne!(other.key("box.key").unwrap().public(), key);
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let (_parent, folder) = folder();
        folder.secret("box.key", || "no key".into()).unwrap();
        let error = folder.key("box.key").unwrap_err().to_string();
        assert!(
            error.ends_with("does not hold a key of 64 hexadecimal digits"),
            "{error}"
        );
        assert_eq!(folder.recall("box.key").unwrap().unwrap(), "no key");
    }

    #[test]
    fn what_is_kept_is_recalled() {
        let (_parent, folder) = folder();
        assert_eq!(folder.recall("epoch").unwrap(), None);
        folder.keep("epoch", "1").unwrap();
        folder.keep_at_once("epoch", "3").unwrap();
        folder.keep("epoch", "2").unwrap();
        assert_eq!(folder.recall("epoch").unwrap().unwrap(), "2");
        folder.forget("epoch").unwrap();
        folder.forget("epoch").unwrap();
        assert_eq!(folder.recall("epoch").unwrap(), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let (parent, _folder) = folder();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::open(&file.join("data")).unwrap_err();
        assert!(error.to_string().contains("file/data"), "{error}");
    }
}
