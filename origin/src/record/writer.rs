//! The writer of an epoch: takes its pieces from the queue and appends them, on a thread where a slow disk holds nobody
//! up.
//!
//! An epoch that goes on for half a day goes on in another file, which begins where a segment does: an index stays
//! small enough to be made in memory, and a stream that never ends has recordings old enough to be removed. Sound comes
//! a little after the pictures of its segment, so the file before stays open until all tracks have left it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use program::quantity::Size;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};
use wire::id::{ChannelName, Epoch, TrackId};

use super::movie::{self, BadInit};
use super::name::Name;
use super::part::Part;
use super::{Desk, Queued, remedy};
use crate::package::{Packaged, RawChunk};

/// The media of one file, at most.
const LONGEST_FILE: Duration = Duration::from_hours(12);
/// How long the end of a program may wait for an index.
const LAST_INDEX: Duration = Duration::from_secs(2);

/// Why a recording stops.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Init(#[from] BadInit),
    #[error("what is being recorded takes more than {0}, all that recordings may take")]
    Size(Size),
}

pub(super) struct Writer {
    desk: Arc<Desk>,
    folder: PathBuf,
    epoch: Epoch,
    pub(super) longest: Duration,
    tracks: Vec<Track>,
    /// At most two: the file before waits for tracks that are behind.
    files: VecDeque<Open>,
}

struct Track {
    id: TrackId,
    init: Bytes,
    /// The segment of its newest chunk.
    segment: u32,
}

/// A file, and what it begins with.
struct Open {
    part: Part,
    first_segment: u32,
    zero: Moment,
}

/// A moment of the epoch, on the clock of the track that leads.
#[derive(Clone, Copy)]
struct Moment {
    time: u64,
    timescale: u32,
}

impl Moment {
    /// The last tick of another clock that is not after it.
    fn on(self, timescale: u32) -> u64 {
        let time = u128::from(self.time) * u128::from(timescale) / u128::from(self.timescale.max(1));
        u64::try_from(time).unwrap_or(u64::MAX)
    }
}

impl Writer {
    pub(super) fn new(desk: Arc<Desk>, channel: &ChannelName, epoch: Epoch) -> Self {
        let folder = desk.settings.folder.join(channel.as_str());
        Self {
            desk,
            folder,
            epoch,
            longest: LONGEST_FILE,
            tracks: Vec::new(),
            files: VecDeque::new(),
        }
    }

    /// Writes until nothing more comes, or until that fails.
    pub(super) fn run(mut self, mut pieces: mpsc::Receiver<Queued>) {
        while let Some(Queued { piece, .. }) = pieces.blocking_recv() {
            if let Err(stopped) = self.take(piece) {
                self.tell(&stopped);
                break;
            }
        }
        // Whatever still comes is refused from here on, and needs no memory.
        drop(pieces);
        while self.close_first() {}
    }

    fn tell(&self, error: &Stopped) {
        let path = self
            .files
            .back()
            .map_or(self.folder.as_path(), |open| open.part.path());
        let remedy = match error {
            Stopped::Io(error) => remedy(error),
            Stopped::Init(_) => "none; please report it",
            Stopped::Size(_) => "raise --record-size",
        };
        warn!(path = %path.display(), %error, remedy, "the recording stops, the stream goes on");
    }

    fn take(&mut self, piece: Packaged) -> Result<(), Stopped> {
        match piece {
            Packaged::Init { description, bytes } if self.files.is_empty() => {
                self.tracks.push(Track {
                    id: description.track,
                    init: bytes,
                    segment: 0,
                });
                // Pictures lead, and come first in a file.
                self.tracks.sort_by_key(|track| track.id != TrackId::VIDEO);
                Ok(())
            }
            // An epoch has its tracks when it begins.
            Packaged::Init { .. } => Ok(()),
            Packaged::Chunk(chunk) => self.append(&chunk),
        }
    }

    fn append(&mut self, chunk: &RawChunk) -> Result<(), Stopped> {
        let Some(number) = self.tracks.iter().position(|track| track.id == chunk.track) else {
            return Ok(());
        };
        self.tracks[number].segment = chunk.segment;
        if self.begins_a_file(chunk, number) {
            self.open(chunk)?;
        }
        let mut newest_first = self.files.iter_mut().rev();
        let Some(open) = newest_first.find(|open| chunk.segment >= open.first_segment) else {
            return Ok(());
        };
        let in_hand = self.desk.in_hand.load(Ordering::Relaxed);
        if let Some(size) = self.desk.settings.size
            && in_hand.saturating_add(chunk.body.len() as u64) > size.0
        {
            return Err(Stopped::Size(size));
        }
        let (zero, before) = (open.zero.on(chunk.timescale), open.part.bytes());
        let appended = open.part.append(&chunk.body, number_in_file(number), zero);
        let more = open.part.bytes() - before;
        self.desk.in_hand.fetch_add(more, Ordering::Relaxed);
        appended?;

        let first = self.tracks.iter().map(|track| track.segment).min();
        if self
            .files
            .get(1)
            .is_some_and(|next| first >= Some(next.first_segment))
        {
            self.close_first();
        }
        Ok(())
    }

    /// The first file begins with whatever comes first, the next ones with the track that leads.
    fn begins_a_file(&self, chunk: &RawChunk, track: usize) -> bool {
        let Some(open) = self.files.back() else {
            return true;
        };
        let length = chunk.time.saturating_sub(open.zero.on(chunk.timescale));
        let longest = self.longest.as_secs().saturating_mul(chunk.timescale.into());
        track == 0 && chunk.index == 0 && self.files.len() == 1 && length >= longest
    }

    fn open(&mut self, chunk: &RawChunk) -> Result<(), Stopped> {
        let is_first = self.files.is_empty();
        let zero = Moment {
            time: if is_first { 0 } else { chunk.time },
            timescale: chunk.timescale,
        };
        let began_ms = self.epoch.0.saturating_add(zero.on(1000));
        let head = movie::head(self.tracks.iter().map(|track| &track.init[..]), began_ms)?;
        let part = Part::create(&self.folder, &Name::new(began_ms, self.epoch), &head)?;
        info!(path = %part.path().display(), "recording");
        self.desk.in_hand.fetch_add(part.bytes(), Ordering::Relaxed);
        self.files.push_back(Open {
            part,
            first_segment: if is_first { 0 } else { chunk.segment },
            zero,
        });
        Ok(())
    }

    /// Finishes the older file, if there is any.
    fn close_first(&mut self) -> bool {
        let Some(Open { part, .. }) = self.files.pop_front() else {
            return false;
        };
        let (began, bytes) = (Instant::now(), part.bytes());
        let stop = self.desk.stop.clone();
        part.finish(|| !stop.is_cancelled() || began.elapsed() < LAST_INDEX);
        debug!(took = ?began.elapsed(), "finished");
        self.desk.in_hand.fetch_sub(bytes, Ordering::Relaxed);
        self.desk.ended.notify_one();
        true
    }
}

/// Tracks are numbered from 1.
fn number_in_file(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}
