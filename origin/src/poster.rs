//! Posters: every few seconds a picture of what is on, for those who choose a channel.
//!
//! ```text
//! channel ─ keyframe: init segment and first chunk ─ the newest waits ─ ffmpeg ─ JPEG ─ channel: sealed, stored
//! ```
//!
//! The channel offers each keyframe and never waits: only the newest is kept, one ffmpeg at a time turns it into a JPEG
//! within a time limit, and what does not come off is simply not there. What goes in are the pieces that players get,
//! so every codec that can be packaged has posters, as far as ffmpeg knows it.

mod picture;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info, info_span, warn};
use wire::chunk::Facts;
use wire::id::{ChannelName, ChunkId, Epoch, TrackId};

use crate::ffmpeg::{Ffmpeg, NotStarted};
use picture::NoPicture;

/// How often there is a new poster.
pub const EVERY: Duration = Duration::from_secs(10);

/// Units of a poster's time in a second.
const TIMESCALE: u32 = 1000;

/// Posters that wait for their channel, which takes them at once.
const FINISHED: usize = 2;

/// A keyframe that a poster may be made of.
#[derive(Clone, Debug)]
pub struct Still {
    /// The epoch that it is of.
    pub epoch: Epoch,
    /// When in the epoch it is shown.
    pub time: Duration,
    /// The init segment of its track.
    pub init: Bytes,
    /// A `moof` and its `mdat`, of which it is the first sample.
    pub fragment: Bytes,
}

/// A poster, ready to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poster {
    /// The epoch that it is of.
    pub epoch: Epoch,
    /// Its number in the epoch, counted from 1.
    pub number: u32,
    /// When in the epoch it was on.
    pub time: Duration,
    /// The picture.
    pub jpeg: Bytes,
}

impl Poster {
    /// What its seal says: it stands for the time until the next one.
    pub fn facts(&self, channel: ChannelName) -> Facts {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Facts {
            id: ChunkId {
                channel,
                epoch: self.epoch,
                track: TrackId::POSTER,
                segment: self.number,
                index: 0,
            },
            last: true,
            time: millis(self.time),
            duration: u32::try_from(millis(EVERY)).unwrap_or(u32::MAX),
            timescale: TIMESCALE,
        }
    }
}

/// The posters of one channel: keyframes are offered, posters come.
#[derive(Debug)]
pub struct Posters {
    stills: watch::Sender<Option<Still>>,
    finished: mpsc::Receiver<Poster>,
}

impl Posters {
    /// Starts the task. It ends at `stop`, when this handle is dropped, and where there is no ffmpeg: then the log says
    /// so, and no poster comes.
    pub fn spawn(tasks: &TaskTracker, stop: CancellationToken, ffmpeg: Ffmpeg, every: Duration) -> Self {
        let (stills, offered) = watch::channel(None);
        let (results, finished) = mpsc::channel(FINISHED);
        let task = Task {
            ffmpeg,
            stop,
            every,
            offered,
            results,
            last: None,
            complained: false,
        };
        tasks.spawn(task.run().instrument(info_span!("poster")));
        Self { stills, finished }
    }

    /// Offers a keyframe. Never waits: what was offered before, and not made use of, is forgotten.
    pub fn offer(&self, still: Still) {
        self.stills.send_replace(Some(still));
    }

    /// The next poster; waits for ever where none will come. May be given up and asked again.
    pub async fn next(&mut self) -> Poster {
        match self.finished.recv().await {
            Some(poster) => poster,
            None => pending().await,
        }
    }
}

struct Task {
    ffmpeg: Ffmpeg,
    stop: CancellationToken,
    every: Duration,
    offered: watch::Receiver<Option<Still>>,
    results: mpsc::Sender<Poster>,
    /// The newest poster: its epoch and number.
    last: Option<(Epoch, u32)>,
    complained: bool,
}

impl Task {
    async fn run(mut self) {
        while let Some(still) = self.offer().await {
            let begun = Instant::now();
            let epoch = still.epoch;
            match picture::of(&self.ffmpeg, &still, &self.stop).await {
                Ok(jpeg) => {
                    let poster = self.number(&still, jpeg);
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        sent = self.results.send(poster) => if sent.is_err() {
                            return;
                        },
                    }
                }
                Err(NoPicture::Stopping) => return,
                Err(NoPicture::NotStarted(error @ NotStarted::Absent(_))) => {
                    info!(%error, "there are no posters");
                    return;
                }
                Err(error) if self.complained => debug!(%error, "no poster"),
                Err(error) => {
                    self.complained = true;
                    warn!(%error, "no poster");
                }
            }
            self.rest(epoch, begun + self.every).await;
        }
    }

    /// The next keyframe; `None` at the end, which is the channel's too.
    async fn offer(&mut self) -> Option<Still> {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = self.offered.changed() => changed.ok()?,
            }
            let still = self.offered.borrow_and_update().clone();
            if still.is_some() {
                return still;
            }
        }
    }

    fn number(&mut self, still: &Still, jpeg: Bytes) -> Poster {
        self.complained = false;
        let number = match self.last {
            Some((epoch, number)) if epoch == still.epoch => number.saturating_add(1),
            _ => 1,
        };
        self.last = Some((still.epoch, number));
        Poster {
            epoch: still.epoch,
            number,
            time: still.time,
            jpeg,
        }
    }

    /// Waits until the next poster is due: at a time, or when another epoch has a keyframe.
    async fn rest(&self, epoch: Epoch, until: Instant) {
        // What is looked at here has not been taken yet: it stays new to the task.
        let mut looking = self.offered.clone();
        let another = |still: &Option<Still>| still.as_ref().is_some_and(|still| still.epoch != epoch);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep_until(until) => {}
            _ = looking.wait_for(another) => {}
        }
    }
}
