//! One file: how it is written, read, and found again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use wire::chunk::{Chunk, HASH_BYTES, Verified};
use wire::seal::Refusal;

use super::worker::Job;

const EXTENSION: &str = "chunk";

/// What a file is called while it is not whole.
const UNFINISHED: &str = "part";

/// Why a file does not give its chunk back.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system refused.
    #[error("cannot read {}: {error}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that was found out.
        #[source]
        why: Refusal,
    },
}

/// The file of a chunk. It is removed when nobody holds this any more.
#[derive(Debug)]
pub struct ChunkFile {
    path: PathBuf,
    size: usize,
    worker: mpsc::WeakUnboundedSender<Job>,
}

impl ChunkFile {
    /// Writes a chunk into a folder, whole or not at all. This takes as long as the disk does.
    pub(super) fn write(
        folder: &Path,
        chunk: &Chunk,
        worker: mpsc::WeakUnboundedSender<Job>,
    ) -> io::Result<Self> {
        let name = hex::encode(Sha256::digest(chunk.bytes()));
        let path = folder.join(name).with_extension(EXTENSION);
        let unfinished = path.with_extension(UNFINISHED);
        let written = write_whole(&unfinished, chunk.bytes()).and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            // What cannot be removed is removed at the next start.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        Ok(Self {
            path,
            size: chunk.bytes().len(),
            worker,
        })
    }

    /// Bytes in it.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The chunk that was written, every byte of it. This takes as long as the disk does.
    pub fn read(&self, verified: &Verified) -> Result<Chunk, Unread> {
        let refused = |error| Unread::Refused {
            path: self.path.clone(),
            error,
        };
        let mut bytes = vec![0; self.size];
        let mut file = File::open(&self.path).map_err(refused)?;
        file.read_exact(&mut bytes).map_err(refused)?;
        let chunk = verified.chunk(Bytes::from(bytes));
        chunk.map_err(|why| Unread::Damaged {
            path: self.path.clone(),
            why,
        })
    }
}

impl Drop for ChunkFile {
    fn drop(&mut self) {
        // Without a worker the program has ended, and the next one removes what it left.
        if let Some(worker) = self.worker.upgrade() {
            let _ = worker.send(Job::Remove(std::mem::take(&mut self.path)));
        }
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    options.open(path)?.write_all(bytes)
}

/// Removes the chunks of an earlier run from a folder, and nothing else.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_ours(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let is_hash = |stem: &str| hex::decode(stem).is_ok_and(|hash| hash.len() == HASH_BYTES);
    extension.is_some_and(|extension| [EXTENSION, UNFINISHED].contains(&extension))
        && stem.is_some_and(is_hash)
}
