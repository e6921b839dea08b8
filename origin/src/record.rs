//! Recording: each epoch of a channel becomes an MP4 file.
//!
//! While an epoch is on air, its pieces are appended to a fragmented file, which plays up to its last whole chunk
//! whatever ends the program. When the epoch ends, an index is appended, and one write of 16 bytes makes an ordinary,
//! seekable file of it: nothing is copied, so that neither time nor space for a second file is needed, and the file
//! plays before that write as after it.
//!
//! The stages follow the data. [`Recording::note`] puts pieces into a bounded queue and never waits; a `writer`, on a
//! thread of its own, appends them to a `part` file, whose head is made by `movie` and whose fragments are adapted by
//! `fragment`; `index` ends the file with the tables that `tables` gathers. The `keeper` does the same for files
//! that a crash left behind, and removes what `shelf` finds to be too much or too old.
//!
//! Nothing that happens to a disk is felt by the stream: a recording that cannot go on stops, with a warning.

mod fragment;
mod index;
mod keeper;
mod movie;
mod name;
mod part;
mod shelf;
mod tables;
mod writer;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use program::quantity::{Size, Span};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info_span, warn};
use wire::id::{ChannelName, Epoch, TrackId};

use crate::package::Packaged;
use keeper::Keeper;
use writer::Writer;

/// Pieces that may wait for the disk, of one recording.
const QUEUE: usize = 512;
/// Their bytes, of all recordings together: some seconds of many channels.
const QUEUE_BYTES: usize = 64 << 20;

/// Where and how much is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// The folder; each channel has one of its own in it.
    pub folder: PathBuf,
    /// What all recordings may take together; the oldest make room.
    pub size: Option<Size>,
    /// How long a recording is kept after its end.
    pub age: Option<Span>,
}

/// The folder for recordings is of no use.
#[derive(Debug, thiserror::Error)]
#[error("cannot record in {}: {error}", path.display())]
pub struct BadFolder {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl RecordSettings {
    /// Makes the folder if there is none, and tries to write in it.
    pub fn check(&self) -> Result<(), BadFolder> {
        let attempt = self
            .folder
            .join(format!(".attempt-{:016x}", rand::random::<u64>()));
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&attempt, b"boxmesh"))
            .and_then(|()| fs::remove_file(&attempt))
            .map_err(|error| BadFolder {
                path: self.folder.clone(),
                error,
            })
    }
}

/// Records channels. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    tasks: TaskTracker,
    desk: Arc<Desk>,
    queued: Arc<Semaphore>,
}

/// What the threads of all recordings share.
#[derive(Debug)]
struct Desk {
    settings: RecordSettings,
    stop: CancellationToken,
    /// Bytes of the files that are being written.
    in_hand: AtomicU64,
    /// Rings when a file ended.
    ended: Notify,
}

impl Recorder {
    /// Starts what keeps the folder in order: files that an earlier run left unfinished are finished, and the limits
    /// are kept. It ends at `stop`; recordings end when they are dropped.
    pub fn spawn(tasks: &TaskTracker, stop: CancellationToken, settings: RecordSettings) -> Self {
        let desk = Arc::new(Desk {
            settings,
            stop,
            in_hand: AtomicU64::new(0),
            ended: Notify::new(),
        });
        tasks.spawn(Keeper::new(Arc::clone(&desk)).run(tasks.clone()));
        Self {
            tasks: tasks.clone(),
            desk,
            queued: Arc::new(Semaphore::new(QUEUE_BYTES)),
        }
    }

    /// Begins to record an epoch. The file is made when its first chunk comes.
    pub fn begin(&self, channel: &ChannelName, epoch: Epoch) -> Recording {
        let (queue, pieces) = mpsc::channel(QUEUE);
        let writer = Writer::new(Arc::clone(&self.desk), channel, epoch);
        let span = info_span!("record", %channel, %epoch);
        self.tasks
            .spawn_blocking(move || span.in_scope(|| writer.run(pieces)));
        Recording {
            channel: channel.clone(),
            epoch,
            queue: Some(queue),
            queued: Arc::clone(&self.queued),
        }
    }

    /// The folder that all recordings are in.
    pub fn folder(&self) -> &Path {
        &self.desk.settings.folder
    }
}

/// An epoch that is being recorded, until this is dropped.
#[derive(Debug)]
pub struct Recording {
    channel: ChannelName,
    epoch: Epoch,
    /// None when the recording has stopped.
    queue: Option<mpsc::Sender<Queued>>,
    queued: Arc<Semaphore>,
}

/// A piece that waits for the disk, and its place in the queue.
#[derive(Debug)]
struct Queued {
    piece: Packaged,
    _place: OwnedSemaphorePermit,
}

impl Recording {
    /// Records a piece, if it is of the publisher's own tracks. Never waits: where the disk does not keep up, the
    /// recording stops.
    pub fn note(&mut self, piece: &Packaged) {
        let (track, bytes) = match piece {
            Packaged::Init { description, bytes } => (description.track, bytes.len()),
            Packaged::Chunk(chunk) => (chunk.track, chunk.body.len()),
        };
        let Some(queue) = self.queue.as_ref().filter(|_| is_source(track)) else {
            return;
        };
        let place = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| Arc::clone(&self.queued).try_acquire_many_owned(bytes).ok());
        let slow = match (queue.try_reserve(), place) {
            (Ok(slot), Some(place)) => {
                let piece = piece.clone();
                return slot.send(Queued { piece, _place: place });
            }
            // The writer gave up, and said why.
            (Err(mpsc::error::TrySendError::Closed(())), _) => false,
            _ => true,
        };
        self.queue = None;
        if slow {
            warn!(
                channel = %self.channel,
                epoch = %self.epoch,
                remedy = "record to a faster disk",
                "the recording stops, the stream goes on: the disk does not keep up"
            );
        }
    }

    /// Whether pieces are still recorded.
    pub fn goes_on(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.is_closed())
    }

    /// Ends the recording, as dropping it does: what was noted is written, then the file is finished.
    pub fn finish(self) {}
}

fn is_source(track: TrackId) -> bool {
    track == TrackId::VIDEO || track == TrackId::AUDIO
}

/// What may be done about an error of the disk.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space there, or set --record-size and --record-age"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let the origin write there, or set --record to another folder"
        }
        _ => "see whether the disk is well, or set --record to another folder",
    }
}
