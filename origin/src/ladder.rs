//! The ladder: lower renditions of a source, for viewers with less room.
//!
//! ```text
//! channel ─ units of v0, a0 ─┬ gate ─ rung v1 ─ ffmpeg ─┬─ units of v1, a1, v2, … ─ channel
//!                            ├ gate ─ rung a1 ─ ffmpeg ─┤
//!                            └ gate ─ rung v2 ─ ffmpeg ─┘
//! ```
//!
//! Each track of a rendition is made by one ffmpeg: FLV goes in and FLV comes out, over its pipes. A rendition has a
//! picture for each of the source's, shown at the same millisecond, and keyframes where the source has them, so its
//! segments align with the source's and players switch without a glitch. The source waits for nothing here: a child
//! that is too slow loses whole groups of pictures, one that ends is started again, and without ffmpeg the source goes
//! out alone; each of these is told in [`Ladder::warnings`].

mod arguments;
mod child;
mod feed;
mod flv;
mod gate;
mod matroska;
mod rung;
#[cfg(test)]
pub(crate) mod samples;
mod standing;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span};
use wire::presentation::Warning;

use crate::ffmpeg::Ffmpeg;
use crate::media::{Config, TrackId, TrackKind, Unit};
use crate::package::picture;
use crate::settings::RenditionSettings;
use arguments::Target;
use rung::{Rung, Step};
use standing::{Intake, State};

/// Units that wait for their channel; beyond them the children wait.
const STEPS: usize = 256;

/// What a ladder is made of.
#[derive(Clone, Debug)]
pub struct LadderSettings {
    /// The ffmpeg that makes it.
    pub ffmpeg: Ffmpeg,
    /// Its renditions: the first is `v1`, and `a1` where it has sound of its own.
    pub renditions: Vec<RenditionSettings>,
    /// Threads that each decoder and each encoder may use.
    pub threads: NonZeroU16,
}

/// Half of the machine's processors, and one at least: renditions leave the other half to everything else.
pub fn default_threads() -> NonZeroU16 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(processors / 2)
        .ok()
        .and_then(NonZeroU16::new)
        .unwrap_or(NonZeroU16::MIN)
}

/// What comes of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromLadder {
    /// A track begins, or begins again: its configuration comes next, then its samples.
    Up(TrackId),
    /// The next unit of a track that is up, on the publisher's clock. Samples may leave gaps where a child was too slow.
    Unit(Unit),
    /// A track ends, for now or for good.
    Down(TrackId),
}

/// The renditions of one channel.
#[derive(Debug)]
pub struct Ladder {
    renditions: Vec<RenditionSettings>,
    intakes: Vec<Intake>,
    steps: mpsc::Receiver<Step>,
    source: Source,
}

/// What is known of the source's pictures.
#[derive(Debug, Default)]
struct Source {
    config: Option<Config>,
    /// Once the keyframe came that the tracks begin with.
    height: Option<u32>,
    /// Of which the log has told what is left out.
    told: Option<u32>,
}

impl Ladder {
    /// Starts a task for each track. They end at `stop`, or when this handle is dropped, and their children with them.
    pub fn spawn(tasks: &TaskTracker, stop: &CancellationToken, settings: &LadderSettings) -> Self {
        let (results, steps) = mpsc::channel(STEPS);
        let told_absent = Arc::new(AtomicBool::new(false));
        let intake = |(track, target): (TrackId, Target)| {
            let (intake, ends) = Intake::new(track);
            let rung = Rung {
                ffmpeg: settings.ffmpeg.clone(),
                track,
                target,
                orders: ends.orders,
                samples: ends.samples,
                progress: ends.progress,
                steps: results.clone(),
                told_absent: Arc::clone(&told_absent),
                stop: stop.clone(),
            };
            tasks.spawn(rung.run().instrument(info_span!("ladder")));
            intake
        };
        let intakes = targets(settings).map(intake).collect();
        Self {
            renditions: settings.renditions.clone(),
            intakes,
            steps,
            source: Source::default(),
        }
    }

    /// The publisher's clock breaks, or another publisher comes: what is under way is of no use any more, and everything
    /// begins anew with the next keyframe. Not to be called when only renditions come or go.
    pub fn reset(&mut self) {
        self.source.height = None;
        for intake in &mut self.intakes {
            intake.begin(false);
        }
    }

    /// Takes the source's next unit. Never waits. Pictures that are configured in another way reset the ladder. Answers
    /// with the tracks that begin to be made from that unit on: with those of the first keyframe that are lower.
    pub fn feed(&mut self, unit: &Unit) -> Vec<TrackId> {
        let mut begun = Vec::new();
        match unit {
            Unit::Config(TrackId::VIDEO, config) if self.source.config.as_ref() != Some(config) => {
                self.source.config = Some(config.clone());
                self.reset();
            }
            Unit::Sample(sample) if sample.track == TrackId::VIDEO && sample.keyframe => {
                if self.source.height.is_none() {
                    self.decide(&sample.data);
                    begun = self.expected();
                }
            }
            Unit::Config(..) | Unit::Sample(_) => {}
        }
        for intake in &mut self.intakes {
            intake.feed(unit);
        }
        begun
    }

    /// Begins what is lower than a source with that keyframe, and leaves out what is not.
    fn decide(&mut self, keyframe: &[u8]) {
        let config = self.source.config.as_ref();
        let Some(picture) = config.and_then(|config| picture(config, keyframe)) else {
            return;
        };
        let height = picture.height;
        self.source.height = Some(height);
        let is_told = self.source.told.replace(height) == Some(height);
        for rendition in self
            .renditions
            .iter()
            .filter(|one| one.height >= height && !is_told)
        {
            let left_out = rendition.height;
            info!(
                height = left_out,
                source = height,
                "a rendition is left out: the source is not higher"
            );
        }
        for intake in &mut self.intakes {
            let rendition = rendition_of(&self.renditions, intake.track);
            intake.begin(rendition.is_some_and(|rendition| rendition.height < height));
        }
    }

    /// The next that comes of the ladder; waits for ever where nothing will. May be given up and asked again.
    pub async fn next(&mut self) -> FromLadder {
        loop {
            let Some(step) = self.steps.recv().await else {
                return pending().await;
            };
            let mut intakes = self.intakes.iter_mut();
            if let Some(intake) = intakes.find(|intake| intake.track == step.track)
                && let Some(told) = intake.hear(step)
            {
                return told;
            }
        }
    }

    /// The tracks that are up, or soon will be: none before the source's first keyframe, which tells what is lower.
    pub fn expected(&self) -> Vec<TrackId> {
        let expected = self.intakes.iter().filter(|intake| intake.is_expected());
        expected.map(|intake| intake.track).collect()
    }

    /// What is wrong with the renditions now.
    pub fn warnings(&self) -> Vec<Warning> {
        let absent = self.intakes.iter().find_map(|intake| match &intake.state {
            State::Absent(why) => Some(format!("there are no renditions: {why}")),
            _ => None,
        });
        let texts = match absent {
            Some(absent) => vec![absent],
            None => self.intakes.iter().filter_map(Intake::trouble).collect(),
        };
        texts.into_iter().map(warning).collect()
    }
}

/// Every track that is to be made.
fn targets(settings: &LadderSettings) -> impl Iterator<Item = (TrackId, Target)> {
    let threads = settings.threads.get();
    (1..)
        .zip(&settings.renditions)
        .flat_map(move |(number, rendition)| {
            let video = Target::Video {
                height: rendition.height,
                bits_per_second: rendition.video.0,
                threads,
            };
            let audio = rendition.audio.map(|audio| Target::Audio {
                bits_per_second: audio.0,
            });
            let video = TrackId::new(TrackKind::Video, number).map(|track| (track, video));
            let audio = TrackId::new(TrackKind::Audio, number).zip(audio);
            video.into_iter().chain(audio)
        })
}

fn rendition_of(renditions: &[RenditionSettings], track: TrackId) -> Option<&RenditionSettings> {
    renditions.get(usize::from(track.number()).checked_sub(1)?)
}

fn warning(mut text: String) -> Warning {
    const MOST_BYTES: usize = 200;
    text.truncate(text.floor_char_boundary(MOST_BYTES));
    Warning {
        code: "rendition".to_owned(),
        text,
    }
}
