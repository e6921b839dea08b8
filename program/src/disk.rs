//! Chunks on disk: one file each, named by its hash.
//!
//! A file appears whole or not at all, since it is written beside its name and then given it, and only chunks whose seal
//! opened are written. What is read is held against the sealed record once more: a disk that fails costs
//! chunks and makes nobody a liar. A file goes when nobody holds its [`ChunkFile`] any more. None outlives the program,
//! which keeps a minute: what an earlier run left behind is removed at the start.
//!
//! Nothing here makes a task wait for a disk. One worker writes and removes, in the order of what it is told; a disk that
//! is full, slow or gone only means that chunks stay in memory, as long as there is room.

mod file;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::chunk::Chunk;
use wire::id::ChunkId;

use crate::folder::{Folder, FolderError, Lock};
pub use file::{ChunkFile, Unread};
use worker::Job;

/// Chunks that may wait to be written. What comes while a disk is so far behind stays in memory.
const WAITING: usize = 64;

/// The part of a storage folder that belongs to us, whatever else is in it.
const SUBFOLDER: &str = "chunks";

/// A folder for chunks, empty and ours alone.
#[derive(Debug)]
pub struct Shelf {
    path: PathBuf,
    lock: Lock,
}

impl Shelf {
    /// Opens the folder for chunks in a storage folder, making both if need be, and empties it of chunks.
    pub fn open(storage: &Path) -> Result<Self, FolderError> {
        let path = storage.join(SUBFOLDER);
        let lock = Folder::open(&path)?.lock()?;
        file::sweep(&path).map_err(|error| FolderError::Refused {
            verb: "empty",
            path: path.clone(),
            error,
        })?;
        Ok(Self { path, lock })
    }

    /// Starts the worker. It ends at `stop`, or when nobody needs it any more, and leaves the folder empty.
    pub(crate) fn spawn(
        self,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> (Disk, mpsc::Receiver<Written>) {
        let (jobs, work) = mpsc::unbounded_channel();
        let (tell, written) = mpsc::channel(WAITING);
        let disk = Disk {
            jobs: jobs.clone(),
            places: Arc::new(Semaphore::new(WAITING)),
        };
        let worker = worker::Worker::new(self.path, self.lock, jobs.downgrade(), tell);
        tasks.spawn(worker.run(work, stop));
        (disk, written)
    }
}

/// A chunk that is on disk now.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: ChunkId,
    pub(crate) file: Arc<ChunkFile>,
    _place: OwnedSemaphorePermit,
}

/// The way to the worker. What waits there is bounded: writes by their places, removals by the files that there are.
#[derive(Debug)]
pub(crate) struct Disk {
    jobs: mpsc::UnboundedSender<Job>,
    places: Arc<Semaphore>,
}

impl Disk {
    /// Has a chunk written. Nothing comes of it while the disk is too far behind, or refuses.
    pub(crate) fn write(&self, chunk: Chunk) {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            // It fails when the worker has ended, and with it the program.
            let _ = self.jobs.send(Job::Write(chunk, place));
        }
    }
}
