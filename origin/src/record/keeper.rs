//! The keeper of the folder: finishes what a crash left unfinished, and removes what is too much or too old.
//!
//! It looks when the program starts, when a file ended, and every minute, one file after the other.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::task::TaskTracker;
use tracing::{info, info_span, warn};

use super::part;
use super::shelf::{Shelf, Unfinished};
use super::{Desk, remedy};

const MINUTE: Duration = Duration::from_mins(1);
/// The head of a file, and no chunk.
const EMPTY_BYTES: u64 = 4096;

pub(super) struct Keeper {
    desk: Arc<Desk>,
    /// Unfinished files that cannot be finished: they are told of once.
    hopeless: HashSet<PathBuf>,
}

impl Keeper {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            hopeless: HashSet::new(),
        }
    }

    pub(super) async fn run(mut self, tasks: TaskTracker) {
        let desk = Arc::clone(&self.desk);
        let span = info_span!("recordings", folder = %desk.settings.folder.display());
        loop {
            let span = span.clone();
            let tidied = tasks.spawn_blocking(move || {
                span.in_scope(|| self.tidy());
                self
            });
            // A panic in there would be a mistake of ours, and no reason to end the stream.
            let Ok(keeper) = tidied.await else { return };
            self = keeper;
            tokio::select! {
                () = desk.stop.cancelled() => return,
                () = desk.ended.notified() => {}
                () = tokio::time::sleep(MINUTE) => {}
            }
        }
    }

    fn tidy(&mut self) {
        let settings = &self.desk.settings;
        let mut found = match Shelf::look(&settings.folder) {
            Ok(found) => found,
            Err(error) => {
                warn!(%error, remedy = remedy(&error), "failed to look through the recordings");
                return;
            }
        };
        let now = SystemTime::now();
        let mut resumed = false;
        for file in std::mem::take(&mut found.unfinished) {
            if self.desk.stop.is_cancelled() {
                return;
            }
            resumed |= self.resume(&file, now);
            found.unfinished.push(file);
        }
        if resumed && let Ok(again) = Shelf::look(&self.desk.settings.folder) {
            found = again;
        }
        let settings = &self.desk.settings;
        for file in found.surplus(settings.size, settings.age, now) {
            let path = file.path.display();
            match fs::remove_file(&file.path) {
                Ok(()) => info!(%path, bytes = file.bytes, "an old recording is removed"),
                Err(error) => warn!(%path, %error, remedy = remedy(&error), "failed to remove a recording"),
            }
        }
    }

    /// Finishes a file that nobody writes any more. Answers with whether it did.
    fn resume(&mut self, unfinished: &Unfinished, now: SystemTime) -> bool {
        let Unfinished {
            path,
            whole,
            bytes,
            changed,
        } = unfinished;
        if self.hopeless.contains(path) {
            return false;
        }
        // One that was just made, whose writer does not hold it yet, would be taken for one that holds nothing.
        let is_young = now.duration_since(*changed).unwrap_or(Duration::ZERO) < MINUTE;
        if *bytes < EMPTY_BYTES && is_young {
            return false;
        }
        let Some(file) = self.take(path) else {
            return false;
        };
        let stop = self.desk.stop.clone();
        if part::finish(&file, path, whole, || !stop.is_cancelled()) {
            self.hopeless.insert(path.clone());
            return false;
        }
        true
    }

    /// Opens a file, unless its writer holds it.
    fn take(&mut self, path: &PathBuf) -> Option<File> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let held = file.and_then(|file| match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        });
        held.unwrap_or_else(|error| {
            let path_shown = path.display();
            warn!(path = %path_shown, %error, remedy = remedy(&error), "failed to open an unfinished recording");
            self.hopeless.insert(path.clone());
            None
        })
    }
}
