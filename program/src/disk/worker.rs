//! The worker: writes and removes, one after another, on a thread that may wait for the disk.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wire::chunk::Chunk;

use super::{ChunkFile, Written, file};
use crate::folder::Lock;

/// What there is to do.
#[derive(Debug)]
pub(super) enum Job {
    Write(Chunk, OwnedSemaphorePermit),
    Remove(PathBuf),
}

/// Does the jobs.
#[derive(Debug)]
pub(super) struct Worker {
    folder: PathBuf,
    _lock: Lock,
    jobs: mpsc::WeakUnboundedSender<Job>,
    written: mpsc::Sender<Written>,
    /// Whether the last write failed.
    failing: bool,
}

impl Worker {
    pub(super) fn new(
        folder: PathBuf,
        lock: Lock,
        jobs: mpsc::WeakUnboundedSender<Job>,
        written: mpsc::Sender<Written>,
    ) -> Self {
        Self {
            folder,
            _lock: lock,
            jobs,
            written,
            failing: false,
        }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>, stop: CancellationToken) {
        while let Some(Some(job)) = stop.run_until_cancelled(jobs.recv()).await {
            self.perform(job).await;
        }
        // Nobody needs what is left; what cannot be removed is removed at the next start.
        let folder = self.folder.clone();
        let _ = spawn_blocking(move || file::sweep(&folder)).await;
    }

    async fn perform(&mut self, job: Job) {
        match job {
            Job::Write(chunk, place) => self.write(chunk, place).await,
            Job::Remove(path) => {
                // What cannot be removed now is removed at the next start.
                let _ = spawn_blocking(move || fs::remove_file(path)).await;
            }
        }
    }

    async fn write(&mut self, chunk: Chunk, place: OwnedSemaphorePermit) {
        let (folder, jobs) = (self.folder.clone(), self.jobs.clone());
        let id = chunk.id().clone();
        let written = spawn_blocking(move || ChunkFile::write(&folder, &chunk, jobs));
        match written.await.unwrap_or_else(|ended| Err(ended.into())) {
            Ok(file) => {
                if std::mem::take(&mut self.failing) {
                    info!("chunks are kept on disk again");
                }
                let written = Written {
                    id,
                    file: Arc::new(file),
                    _place: place,
                };
                // Whoever would hear of it has ended: the file goes.
                let _ = self.written.send(written).await;
            }
            Err(error) if !self.failing => {
                self.failing = true;
                warn!(folder = %self.folder.display(), %error, "chunks stay in memory, the disk does not take them");
            }
            Err(_) => {}
        }
    }
}
