//! One child at work: samples of a track go in, units of a rendition come out.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::feed::{Clock, Feed};
use super::flv::{AUDIO, BadFile, Reader, VIDEO};
use super::rung::{Fed, Progress, Step, What};
use crate::ffmpeg::{Complaints, NotStarted};
use crate::ingest::flv::{BadTag, Tags};
use crate::media::{AccessUnit, Millis, TrackId, Unit};

/// How long a child may leave its input unread.
const DEAF: Duration = Duration::from_secs(15);

/// How much media a child may take without an answer.
const MUTE: Duration = Duration::from_secs(20);

const READ_BYTES: usize = 32 << 10;

/// Why a child's work is over.
pub(super) enum Ending {
    /// Nobody wants a rendition any more.
    Over,
    /// There is another order; the sample is the first of it, if it came already.
    Ordered(Option<Fed>),
    Fault(Fault),
}

/// What goes wrong with a child.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    #[error("ffmpeg ended: {0}")]
    Ended(String),
    #[error("ffmpeg has read nothing for {} s", DEAF.as_secs())]
    Deaf,
    #[error("ffmpeg has answered nothing to {} s of media", MUTE.as_secs())]
    Mute,
    #[error("ffmpeg wrote what cannot be read: {0}")]
    File(#[from] BadFile),
    #[error("ffmpeg wrote what cannot be read: {0}")]
    Tag(#[from] BadTag),
    #[error("a sample that is out of reach of its clock")]
    OutOfReach,
}

/// What goes in.
pub(super) struct Questions<'a> {
    pub(super) generation: u64,
    pub(super) answered: &'a AtomicU64,
    pub(super) progress: &'a Progress,
    pub(super) samples: &'a mut mpsc::Receiver<Fed>,
}

impl Questions<'_> {
    pub(super) async fn ask(
        &mut self,
        input: &mut ChildStdin,
        mut feed: Feed,
        header: &[u8],
        keyframe: &AccessUnit,
    ) -> Ending {
        let first = feed.sample(keyframe).unwrap_or_default();
        for bytes in [header, &first] {
            if let Err(fault) = write(input, bytes).await {
                return Ending::Fault(fault);
            }
        }
        while let Some(fed) = self.samples.recv().await {
            if fed.generation != self.generation {
                return Ending::Ordered(Some(fed));
            }
            let written = match feed.sample(&fed.sample) {
                Some(bytes) => write(input, &bytes).await,
                None => Err(Fault::OutOfReach),
            };
            self.progress.takes(&fed);
            let answered = Millis(self.answered.load(Ordering::Relaxed));
            let is_mute = fed.sample.decode_time.since(answered) > MUTE;
            match written {
                Ok(()) if is_mute => return Ending::Fault(Fault::Mute),
                Ok(()) => {}
                Err(fault) => return Ending::Fault(fault),
            }
        }
        Ending::Over
    }
}

async fn write(input: &mut ChildStdin, bytes: &[u8]) -> Result<(), Fault> {
    match timeout(DEAF, input.write_all(bytes)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Fault::Ended(error.to_string())),
        Err(_) => Err(Fault::Deaf),
    }
}

/// What comes out.
pub(super) struct Answers<'a> {
    pub(super) track: TrackId,
    pub(super) generation: u64,
    pub(super) clock: Clock,
    pub(super) answered: &'a AtomicU64,
    pub(super) steps: &'a mpsc::Sender<Step>,
}

impl Answers<'_> {
    pub(super) async fn hear(&mut self, output: &mut ChildStdout) -> Ending {
        match self.read(output).await {
            Ok(()) => Ending::Over,
            Err(fault) => Ending::Fault(fault),
        }
    }

    /// Hands units on until nobody takes them.
    async fn read(&mut self, output: &mut ChildStdout) -> Result<(), Fault> {
        let mut tags = Tags::of_rendition(self.track.number()).unwrap_or_default();
        let mut reader = Reader::default();
        let mut piece = vec![0; READ_BYTES];
        let mut is_up = false;
        loop {
            let read = match output.read(&mut piece).await {
                Ok(0) => return Err(Fault::Ended("it did not say why".to_owned())),
                Ok(read) => read,
                Err(error) => return Err(Fault::Ended(error.to_string())),
            };
            reader.push(&piece[..read]);
            while let Some(tag) = reader.next()? {
                let unit = match tag.kind {
                    VIDEO => tags.video(tag.time, &tag.body)?,
                    AUDIO => tags.audio(tag.time, &tag.body)?,
                    _ => None,
                };
                let Some(mut unit) = unit else { continue };
                if let Unit::Sample(sample) = &mut unit {
                    sample.decode_time = self.clock.heard(tag.time);
                    self.answered.fetch_max(sample.decode_time.0, Ordering::Relaxed);
                }
                if !is_up {
                    is_up = true;
                    if self.step(What::Up).await.is_err() {
                        return Ok(());
                    }
                }
                if self.step(What::Unit(unit)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn step(&self, what: What) -> Result<(), mpsc::error::SendError<Step>> {
        let step = Step {
            track: self.track,
            generation: self.generation,
            what,
        };
        self.steps.send(step).await
    }
}

/// Hears a child's complaints, for as long as it lives and longer.
pub(super) async fn hear_complaints(complaints: &mut Complaints, pipe: &mut ChildStderr) -> Infallible {
    complaints.hear(pipe).await;
    // It is by its other pipes that a child's end is known.
    std::future::pending().await
}
