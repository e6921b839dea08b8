//! The filler: an MP4 file that plays into a channel, round after round, while the publisher is away.
//!
//! The stages follow the data. `header` finds what a file says of itself and lets the `mp4` crate read it, `track`
//! makes samples of that, `round` decides what one round is made of, `tour` when each sample is due, `player` reads
//! samples from the disk shortly before they are, and hands them on in real time as units, like a publisher's.
//!
//! A file is checked when the program starts, down to the place of its last sample, so that a channel does not find out
//! that its filler is of no use when it needs it. It stays open: what is put in its place later is not played.

mod fault;
mod header;
mod player;
mod round;
mod tour;
mod track;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::{AAC, Files, H264, PICTURES, SOUND, package};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

pub use fault::{BadFiller, Fault};

use crate::media::Unit;
use crate::package::{Cut, Packager};
use round::Round;
use tour::Tour;

/// Units that may wait for the channel to take them.
const QUEUE: usize = 16;

/// An MP4 file that can be played into a channel. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Filler(Arc<Film>);

/// A file and what is known of it.
#[derive(Debug)]
struct Film {
    path: PathBuf,
    file: File,
    round: Round,
}

impl Filler {
    /// Opens a file and checks that it can be played. Reads no media, only where it is: blocks for as long as that takes.
    pub fn open(path: &Path) -> Result<Self, BadFiller> {
        let film = Film::open(path).map_err(|fault| BadFiller {
            path: path.into(),
            fault,
        })?;
        Ok(Self(Arc::new(film)))
    }

    /// Where the file is, or was when it was opened.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How long a round lasts.
    pub fn length(&self) -> Duration {
        self.0.round.length()
    }

    /// Plays from the beginning, round after round, in real time: configurations first, then samples, whose times grow
    /// for ever. It ends at `stop`, or when the receiver is dropped, or with a warning when the file cannot be read.
    pub fn play(&self, tasks: &TaskTracker, stop: CancellationToken) -> mpsc::Receiver<Unit> {
        let (units, played) = mpsc::channel(QUEUE);
        let span = info_span!("filler", path = %self.path().display());
        let tour = Tour::new(Arc::clone(&self.0));
        tasks.spawn(player::run(tour, units, tasks.clone(), stop).instrument(span));
        played
    }
}

impl Film {
    fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path)?;
        let header = header::read(&file)?;
        let bytes = file.metadata()?.len();
        let (video, audio) = track::read(&header, bytes)?;
        // Whatever packaging would refuse later is refused now.
        let mut packager = Packager::new(Cut::default(), []);
        for track in video.iter().chain(&audio) {
            let config = Unit::Config(track.id, track.config.clone());
            packager.push(config, Instant::now())?;
        }
        Ok(Self {
            path: path.into(),
            file,
            round: Round::plan(video, audio)?,
        })
    }
}
