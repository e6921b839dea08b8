//! The task of one rung: its child is started when there is something to do, and again when it ended.
//!
//! A child makes one track. It costs decoding the source once for each rendition, and in return nothing that happens to
//! one track (sound that pauses, an encoder that fails) holds another up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::arguments::{Target, arguments};
use super::child::{Answers, Ending, Fault, Questions, hear_complaints};
use super::feed::{Clock, Feed};
use super::gate::Load;
use crate::ffmpeg::{self, Complaints, Ffmpeg, NotStarted, Running};
use crate::media::{AccessUnit, Config, Millis, TrackId, Unit};

/// How long until a child that ended is started again: at first, and at most.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What a child is to make of which source.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// Grows with each order: what was made under an earlier one is of no use.
    pub(super) generation: u64,
    /// Whether the source is higher than the rendition.
    pub(super) is_wanted: bool,
    /// The source's configuration, once it has come.
    pub(super) config: Option<Config>,
}

/// A sample of the source, and under which order it came.
#[derive(Debug)]
pub(super) struct Fed {
    pub(super) generation: u64,
    pub(super) sample: AccessUnit,
}

/// How far the samples have come, for the gate to know.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    bytes: usize,
    /// The newest sample that does not wait any more: under which order it came, and its time.
    taken: Option<(u64, Millis)>,
}

/// Something happened on a rung.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) track: TrackId,
    pub(super) generation: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// The child has begun to answer.
    Up,
    Unit(Unit),
    /// The child ended, and why. Another will be started.
    Down(String),
    /// There is no ffmpeg, and will be none.
    Absent(String),
}

pub(super) struct Rung {
    pub(super) ffmpeg: Ffmpeg,
    /// What is made, and how.
    pub(super) track: TrackId,
    pub(super) target: Target,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) samples: mpsc::Receiver<Fed>,
    pub(super) progress: Arc<Progress>,
    pub(super) steps: mpsc::Sender<Step>,
    /// Whether one of the rungs has said that there is no ffmpeg.
    pub(super) told_absent: Arc<AtomicBool>,
    pub(super) stop: CancellationToken,
}

/// What a child begins with.
struct Beginning {
    generation: u64,
    config: Config,
    keyframe: AccessUnit,
}

impl Rung {
    pub(super) async fn run(mut self) {
        let mut rest = FIRST_REST;
        let mut carried = None;
        while let Some(beginning) = self.beginning(carried.take()).await {
            let (generation, began) = (beginning.generation, Instant::now());
            let fault = match self.work(beginning).await {
                Ending::Over => return,
                Ending::Ordered(first) => {
                    (rest, carried) = (FIRST_REST, first);
                    continue;
                }
                Ending::Fault(fault) => fault,
            };
            if let Fault::NotStarted(NotStarted::Absent(_)) = &fault {
                if !self.told_absent.swap(true, Ordering::Relaxed) {
                    warn!(error = %fault, "no renditions: the source alone goes out");
                }
                self.tell(generation, What::Absent(fault.to_string())).await;
                return;
            }
            if began.elapsed() > LONGEST_REST {
                rest = FIRST_REST;
            }
            warn!(track = %self.track, error = %fault, again_in_s = rest.as_secs(), "rendition down");
            self.tell(generation, What::Down(fault.to_string())).await;
            carried = self.rest_until(Instant::now() + rest).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    async fn tell(&self, generation: u64, what: What) {
        let track = self.track;
        let step = Step {
            track,
            generation,
            what,
        };
        // Where nobody listens any more this is about to end.
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = self.steps.send(step) => {}
        }
    }

    /// The next keyframe that is wanted; what comes before it is let go. `None` at the end.
    async fn beginning(&mut self, mut carried: Option<Fed>) -> Option<Beginning> {
        loop {
            let fed = match carried.take() {
                Some(fed) => fed,
                None => tokio::select! {
                    () = self.stop.cancelled() => return None,
                    fed = self.samples.recv() => fed?,
                },
            };
            self.progress.takes(&fed);
            let order = self.orders.borrow_and_update();
            let is_due = order.is_wanted && fed.generation == order.generation && fed.sample.keyframe;
            if let Some(config) = order.config.clone().filter(|_| is_due) {
                return Some(Beginning {
                    generation: fed.generation,
                    config,
                    keyframe: fed.sample,
                });
            }
        }
    }

    /// Lets samples go until a time. One of a newer order is the first of what comes next.
    async fn rest_until(&mut self, until: Instant) -> Option<Fed> {
        let generation = self.orders.borrow().generation;
        loop {
            let fed = tokio::select! {
                () = self.stop.cancelled() => return None,
                () = sleep_until(until) => return None,
                fed = self.samples.recv() => fed?,
            };
            if fed.generation != generation {
                return Some(fed);
            }
            self.progress.takes(&fed);
        }
    }

    /// Starts a child, and keeps at it until it ends or has to.
    async fn work(&mut self, beginning: Beginning) -> Ending {
        let Beginning {
            generation,
            config,
            keyframe,
        } = beginning;
        let started = self.ffmpeg.start(arguments(&config, self.target));
        let Running {
            child,
            mut input,
            mut output,
            complaints: mut pipe,
        } = match started {
            Ok(running) => running,
            Err(error) => return Ending::Fault(error.into()),
        };
        info!(track = %self.track, pid = child.id(), "rendition begins");
        let clock = Clock::beginning_at(keyframe.decode_time);
        let answered = AtomicU64::new(keyframe.decode_time.0);
        let mut complaints = Complaints::default();
        let mut answers = Answers {
            track: self.track,
            generation,
            clock,
            answered: &answered,
            steps: &self.steps,
        };
        let mut questions = Questions {
            generation,
            answered: &answered,
            progress: &self.progress,
            samples: &mut self.samples,
        };
        let (feed, header) = Feed::begin(keyframe.track, &config, clock);
        let mut ending = tokio::select! {
            () = self.stop.cancelled() => Ending::Over,
            changed = self.orders.changed() => match changed {
                Ok(()) => Ending::Ordered(None),
                Err(_) => Ending::Over,
            },
            ending = questions.ask(&mut input, feed, &header, &keyframe) => ending,
            ending = answers.hear(&mut output) => ending,
            never = hear_complaints(&mut complaints, &mut pipe) => match never {},
        };
        drop((input, output));
        ffmpeg::end(child, pipe, &mut complaints).await;
        if let Ending::Fault(Fault::Ended(why)) = &mut ending
            && let Some(complaint) = complaints.last()
        {
            *why = complaint;
        }
        debug!(track = %self.track, "rendition ends");
        ending
    }
}

impl Progress {
    /// What waits before a sample of a moment.
    pub(super) fn load(&self, generation: u64, now: Millis) -> Load {
        let waiting = self.lock();
        let taken = waiting.taken.filter(|(of, _)| *of == generation);
        Load {
            bytes: waiting.bytes,
            time: taken.map_or(Duration::ZERO, |(_, taken)| now.since(taken)),
        }
    }

    pub(super) fn waits(&self, bytes: usize) {
        self.lock().bytes += bytes;
    }

    pub(super) fn waits_no_more(&self, bytes: usize) {
        let mut waiting = self.lock();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
    }

    pub(super) fn takes(&self, fed: &Fed) {
        self.waits_no_more(fed.sample.data.len());
        let mut waiting = self.lock();
        waiting.taken = Some((fed.generation, fed.sample.decode_time));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Two numbers are whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
