//! A file that is being written. What was appended is the system's at once, and the disk's a few seconds later: a
//! program that is killed loses nothing of it, a power cut these seconds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::{info, warn};

use super::fragment::{self, Place};
use super::index::{self, Outcome, Unfinished};
use super::name::{Name, Stage};
use super::remedy;

/// How often the disk is asked to have what was written.
const SYNC: Duration = Duration::from_secs(5);

/// A fragmented file to append to.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    whole: PathBuf,
    file: File,
    /// Where the last whole fragment ends.
    bytes: u64,
    fragments: u32,
    synced: Instant,
}

impl Part {
    /// Makes the file, and the folder if there is none.
    pub(super) fn create(folder: &Path, name: &Name, head: &[u8]) -> io::Result<Self> {
        let path = folder.join(name.at(Stage::Part));
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)?;
        let mut part = Self {
            whole: folder.join(name.at(Stage::Whole)),
            path,
            file,
            bytes: 0,
            fragments: 0,
            synced: Instant::now(),
        };
        // Held as long as the file is open: what nobody holds was left by a program that is no more.
        part.file.lock()?;
        let written = part.file.write_all(head);
        if written.is_err() {
            // It would hold nothing.
            let _ = fs::remove_file(&part.path);
        }
        written?;
        part.bytes = head.len() as u64;
        Ok(part)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its size.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a chunk of the track that the file numbers so, in a file that begins at `zero` on that track's clock.
    pub(super) fn append(&mut self, body: &Bytes, track: u32, zero: u64) -> io::Result<()> {
        let sequence = self.fragments.wrapping_add(1);
        let place = Place {
            track,
            sequence,
            zero,
        };
        let (moof, mdat) = fragment::adapt(body, place)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a chunk is no moof and mdat"))?;
        let written = self
            .file
            .write_all(&moof)
            .and_then(|()| self.file.write_all(&mdat));
        if let Err(error) = written {
            // Half a fragment is of no use, and giving its space back needs none.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.fragments = sequence;
        self.bytes += body.len() as u64;
        if self.synced.elapsed() >= SYNC {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Finishes the file: it is seekable then, and has its name.
    pub(super) fn finish(self, goes_on: impl Fn() -> bool) {
        finish(&self.file, &self.path, &self.whole, goes_on);
    }
}

/// Gives a file its index and its name. Answers with whether there is anything left to do at another time.
pub(super) fn finish(file: &File, path: &Path, whole: &Path, goes_on: impl Fn() -> bool) -> bool {
    let (path_shown, whole_shown) = (path.display(), whole.display());
    let done = match index::finish(file, goes_on) {
        Ok(Outcome::Whole) => fs::rename(path, whole).map(|()| {
            let bytes = file.metadata().map_or(0, |data| data.len());
            info!(path = %whole_shown, bytes, "recorded");
        }),
        Ok(Outcome::Empty) => fs::remove_file(path),
        Err(Unfinished::NoTime) => {
            info!(path = %path_shown, "the next start makes the recording seekable; it plays as it is");
            return true;
        }
        Err(Unfinished::Io(error)) if no_room(&error) => {
            let remedy = remedy(&error);
            warn!(path = %whole_shown, %error, remedy, "no index for the recording; it plays as it is");
            fs::rename(path, whole)
        }
        Err(error) => {
            warn!(path = %path_shown, %error, "no index for the recording; it is left as it is");
            return true;
        }
    };
    if let Err(error) = &done {
        let remedy = remedy(error);
        warn!(path = %path_shown, %error, remedy, "failed to give the recording its name");
    }
    done.is_err()
}

fn no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
