//! The channel's end of a rung: what goes in, and how the rendition stands.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::FromLadder;
use super::gate::Gate;
use super::rung::{Fed, Order, Progress, Step, What};
use crate::media::{AccessUnit, Millis, TrackId, TrackKind, Unit};

/// Samples that wait for a child; the gate is shut long before by bytes or time, unless they are tiny.
const SAMPLES: usize = 2048;

/// How a track of the ladder stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is not made: the source is not higher, or nobody knows yet.
    Idle,
    /// It will be there soon.
    Expected,
    Up,
    /// Its child ended; why.
    Down(String),
    /// There is no ffmpeg.
    Absent(String),
}

/// The way to one child.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) track: TrackId,
    pub(super) state: State,
    /// The track that it is made from.
    source: TrackId,
    orders: watch::Sender<Order>,
    samples: mpsc::Sender<Fed>,
    progress: Arc<Progress>,
    gate: Gate,
    /// The newest sample of the source.
    now: Millis,
}

/// The other ends, for the rung.
pub(super) struct Ends {
    pub(super) orders: watch::Receiver<Order>,
    pub(super) samples: mpsc::Receiver<Fed>,
    pub(super) progress: Arc<Progress>,
}

impl Intake {
    pub(super) fn new(track: TrackId) -> (Self, Ends) {
        let (orders, ordered) = watch::channel(Order::default());
        let (samples, fed) = mpsc::channel(SAMPLES);
        let progress = Arc::<Progress>::default();
        let ends = Ends {
            orders: ordered,
            samples: fed,
            progress: Arc::clone(&progress),
        };
        let intake = Self {
            track,
            state: State::Idle,
            source: match track.kind() {
                TrackKind::Video => TrackId::VIDEO,
                TrackKind::Audio => TrackId::AUDIO,
            },
            orders,
            samples,
            progress,
            gate: Gate::default(),
            now: Millis(0),
        };
        (intake, ends)
    }

    /// Begins anew with the source's next keyframe, if it is wanted.
    pub(super) fn begin(&mut self, is_wanted: bool) {
        self.orders.send_modify(|order| {
            order.generation += 1;
            order.is_wanted = is_wanted;
        });
        self.gate = Gate::default();
        if !matches!(self.state, State::Absent(_)) {
            self.state = if is_wanted { State::Expected } else { State::Idle };
        }
    }

    pub(super) fn feed(&mut self, unit: &Unit) {
        if unit.track() != self.source {
            return;
        }
        match unit {
            Unit::Config(_, config) => {
                let is_known = self.orders.borrow().config.as_ref() == Some(config);
                if !is_known {
                    self.orders
                        .send_modify(|order| order.config = Some(config.clone()));
                    let is_wanted = self.orders.borrow().is_wanted;
                    self.begin(is_wanted);
                }
            }
            Unit::Sample(sample) => self.offer(sample),
        }
    }

    fn offer(&mut self, sample: &AccessUnit) {
        self.now = sample.decode_time;
        let (generation, is_wanted) = {
            let order = self.orders.borrow();
            (order.generation, order.is_wanted && order.config.is_some())
        };
        if !is_wanted {
            return;
        }
        let load = self.progress.load(generation, sample.decode_time);
        let was_behind = self.is_behind();
        if self.gate.admits(sample, load) {
            let fed = Fed {
                generation,
                sample: sample.clone(),
            };
            self.progress.waits(sample.data.len());
            match self.samples.try_send(fed) {
                // Closed: there is no ffmpeg.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.progress.waits_no_more(sample.data.len());
                    self.gate.found_no_room(sample, load);
                }
            }
        }
        if self.is_behind() && !was_behind {
            warn!(track = %self.track, behind_s = load.time.as_secs(), "a rendition cannot keep up, pictures are left out");
        }
    }

    /// What the channel is told of a step; nothing of one that an order has made old.
    pub(super) fn hear(&mut self, step: Step) -> Option<FromLadder> {
        let track = self.track;
        if let What::Absent(why) = step.what {
            self.state = State::Absent(why);
            return Some(FromLadder::Down(track));
        }
        if step.generation != self.orders.borrow().generation {
            return None;
        }
        match step.what {
            What::Up => {
                self.state = State::Up;
                Some(FromLadder::Up(track))
            }
            What::Unit(unit) => Some(FromLadder::Unit(unit)),
            What::Down(why) => {
                self.state = State::Down(why);
                Some(FromLadder::Down(track))
            }
            What::Absent(_) => None,
        }
    }

    pub(super) fn is_expected(&self) -> bool {
        // Nothing can be made of a track that the source does not have.
        matches!(self.state, State::Expected | State::Up) && self.orders.borrow().config.is_some()
    }

    /// What is wrong, for people.
    pub(super) fn trouble(&self) -> Option<String> {
        let track = self.track;
        if let State::Down(why) = &self.state {
            return Some(format!(
                "rendition {track} is down, and will be started again: {why}"
            ));
        }
        let behind = self.gate.behind(self.now)?;
        let seconds = behind.by.as_secs();
        Some(format!(
            "renditions cannot keep up: {track} was {seconds} s behind and left pictures out"
        ))
    }

    #[cfg(test)]
    pub(super) fn load(&self) -> super::gate::Load {
        self.progress.load(self.orders.borrow().generation, self.now)
    }

    fn is_behind(&self) -> bool {
        self.gate.behind(self.now).is_some()
    }
}
