//! A channel: from units to sealed chunks, and what is said of them.
//!
//! One task a channel, one publisher after another. Each publish is an epoch, and so is the time after every break. A
//! channel outlives its publishers: while one is away the filler plays, if there is one; else viewers wait, for a while;
//! then the presentation ends, until somebody publishes again.
//!
//! ```text
//! publisher ─┬→ stream (packager, health) ─┬→ on_air (seal) ─┬→ store → seeds, viewers
//! ladder    ─┘                             │                 ├→ presentation → report → trackers
//! filler    ───→ stream ───────────────────┘                 └→ recording, posters
//! ```
//!
//! What was sealed goes into the store; seeds and viewers take it from there, so neither can hold a publisher up.

mod breaks;
mod on_air;
mod ordered;
mod report;
mod stream;
mod tell;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use program::lifecycle::now_ms;
use program::store::Store;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span, trace, warn};
use wire::id::{ChannelName, Epoch};
use wire::key::SecretKey;
use wire::presentation::{State, Warning};

use crate::counts::Counts;
use crate::epoch::Epochs;
use crate::filler::Filler;
use crate::ingest::Publisher;
use crate::ladder::{FromLadder, Ladder, LadderSettings};
use crate::media::Unit;
use crate::package::{Packaged, Presentation, Reached};
use crate::poster::{Poster, Posters};
use crate::record::Recorder;
use crate::seal::Sealer;
use crate::seed::Seeds;
use on_air::OnAir;
pub(crate) use ordered::Ordered;
pub(crate) use report::{Gist, Report};
use stream::{Step, Stream, Unusable};

/// How often the encoder's health is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a channel is made of, before its task runs.
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    pub(crate) secret: SecretKey,
    pub(crate) epochs: Epochs,
    pub(crate) store: Store,
    pub(crate) reports: watch::Sender<Option<Report>>,
    pub(crate) counts: Counts,
    /// How long it waits for a publisher that went away.
    pub(crate) wait: Duration,
    /// What its lower renditions are made of, if it has any.
    pub(crate) ladder: Option<LadderSettings>,
    pub(crate) posters: Option<Posters>,
    /// What plays while no publisher does.
    pub(crate) filler: Option<Filler>,
    pub(crate) recorder: Option<Recorder>,
    /// What operators of trackers ordered.
    pub(crate) ordered: watch::Receiver<Ordered>,
    /// Epochs that whoever runs this origin takes down.
    pub(crate) take_down: Vec<Epoch>,
    pub(crate) seeds: Seeds,
}

impl Channel {
    /// Takes the channel's publishers, one after another, until `stop`.
    pub(crate) async fn run(
        self,
        publishers: mpsc::Receiver<Publisher>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let span = info_span!("channel", name = %self.name);
        let task = Task {
            channel: self,
            presentation: Presentation::default(),
            publisher: None,
            played: None,
            epoch: None,
            state: State::Ended,
            since: Instant::now(),
            warnings: Vec::new(),
            poster: 0,
            told: Reached::default(),
            is_down: false,
            takedowns: BTreeMap::new(),
        };
        Box::pin(task.run(publishers, &tasks, &stop))
            .instrument(span)
            .await;
    }
}

/// A channel's task.
struct Task {
    channel: Channel,
    presentation: Presentation,
    publisher: Option<Visit>,
    played: Option<Played>,
    /// The newest epoch.
    epoch: Option<Epoch>,
    state: State,
    /// Since when it is in that state.
    since: Instant,
    warnings: Vec<Warning>,
    /// The number of the epoch's newest poster, 0 for none.
    poster: u32,
    /// How far the presentation had come when it was last reported.
    told: Reached,
    /// Whether all of it is taken down.
    is_down: bool,
    /// Epochs that are taken down, and the news of that, signed.
    takedowns: BTreeMap<Epoch, Bytes>,
}

/// A publisher, and its stream under way.
struct Visit {
    publisher: Publisher,
    stream: Stream,
}

/// The filler, and its stream under way.
struct Played {
    units: mpsc::Receiver<Unit>,
    stream: Stream,
}

/// What happens next.
enum Event {
    Arrived(Publisher),
    Unit(Unit),
    Rendered(FromLadder),
    Gone,
    Poster(Poster),
    Filler(Option<Unit>),
    Look,
    Ordered,
    GivenUp,
}

impl Task {
    async fn run(
        mut self,
        mut publishers: mpsc::Receiver<Publisher>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for epoch in std::mem::take(&mut self.channel.take_down) {
            self.take_down(epoch).await;
        }
        loop {
            if self.publisher.is_none() && self.played.is_none() && !self.is_down {
                self.play_filler(tasks, stop);
            }
            let give_up = self.since + self.channel.wait;
            let event = tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = self.channel.ordered.changed() => Event::Ordered,
                event = heard(&mut self.publisher) => event,
                unit = next_of_filler(&mut self.played) => Event::Filler(unit),
                poster = next_poster(&mut self.channel.posters) => Event::Poster(poster),
                // The next publisher waits until the units of the last are done with.
                Some(publisher) = publishers.recv(), if self.publisher.is_none() => Event::Arrived(publisher),
                _ = look.tick(), if self.publisher.is_some() => Event::Look,
                () = sleep_until(give_up.into()), if self.state == State::Away => Event::GivenUp,
            };
            match event {
                Event::Arrived(publisher) => self.receive(publisher, tasks, stop),
                Event::Unit(unit) => self.take(|stream, now| stream.push(&unit, now)).await,
                Event::Rendered(made) => self.take(|stream, now| stream.hear(made.clone(), now)).await,
                Event::Gone => self.part(None).await,
                Event::Filler(unit) => self.take_filler(unit).await,
                Event::Poster(poster) => self.show(poster).await,
                Event::Look => self.look(),
                Event::Ordered => self.obey().await,
                Event::GivenUp => {
                    info!(waited = ?self.channel.wait, "the publisher did not come back, the presentation ends");
                    self.enter(State::Ended);
                }
            }
        }
        self.part(None).await;
        self.end_filler().await;
        self.enter(State::Ended);
    }

    /// Begins to play the filler, if there is one.
    fn play_filler(&mut self, tasks: &TaskTracker, stop: &CancellationToken) {
        let filler = self.channel.filler.as_ref();
        self.played = filler.map(|filler| Played {
            units: filler.play(tasks, stop.clone()),
            stream: Stream::filling(),
        });
    }

    /// Takes the filler's next unit; one that cannot be read any more is given up.
    async fn take_filler(&mut self, unit: Option<Unit>) {
        let Some(mut played) = self.played.take() else {
            return;
        };
        let Some(unit) = unit else {
            self.channel.filler = None;
            return self.finish_filler(played).await;
        };
        match self
            .push(|stream, now| stream.push(&unit, now), &mut played.stream)
            .await
        {
            Ok(()) => self.played = Some(played),
            Err(why) => {
                warn!(%why, "the filler is of no use");
                self.channel.filler = None;
                self.finish_filler(played).await;
            }
        }
    }

    /// The publisher is back, or all is over.
    async fn end_filler(&mut self) {
        if let Some(played) = self.played.take() {
            self.finish_filler(played).await;
        }
    }

    async fn finish_filler(&mut self, mut played: Played) {
        let last = played.stream.finish();
        if let Err(why) = self.end_epoch(&mut played.stream, last).await {
            warn!(%why, "the filler's end is lost");
        }
    }

    fn receive(&mut self, publisher: Publisher, tasks: &TaskTracker, stop: &CancellationToken) {
        if self.is_down {
            return publisher.refuse(Unusable::TakenDown.to_string());
        }
        let ladder = self.channel.ladder.as_ref();
        let ladder = ladder.map(|settings| Ladder::spawn(tasks, stop, settings));
        self.channel.counts.channels_live.add(1);
        self.publisher = Some(Visit {
            stream: Stream::published(ladder, publisher.limits),
            publisher,
        });
    }

    /// The publisher is gone, or is sent away: what its packager still held goes out.
    async fn part(&mut self, unusable: Option<Unusable>) {
        let Some(Visit {
            publisher,
            mut stream,
        }) = self.publisher.take()
        else {
            return;
        };
        self.channel.counts.channels_live.sub(1);
        self.channel.counts.encoders.forget(&self.channel.name);
        let last = stream.finish();
        let sealed = self.end_epoch(&mut stream, last).await;
        self.warnings.clear();
        if self.state == State::Live {
            self.enter(State::Away);
        }
        if let Some(why) = unusable.or(sealed.err()) {
            publisher.refuse(why.to_string());
        }
    }

    /// Takes the next of the publisher's stream; one that is of no use sends the publisher away.
    async fn take(&mut self, push: impl Fn(&mut Stream, Instant) -> Result<Step, Unusable>) {
        let Some(mut visit) = self.publisher.take() else {
            return;
        };
        let taken = self.push(push, &mut visit.stream).await;
        self.publisher = Some(visit);
        if let Err(unusable) = taken {
            self.part(Some(unusable)).await;
        }
    }

    async fn push(
        &mut self,
        push: impl Fn(&mut Stream, Instant) -> Result<Step, Unusable>,
        stream: &mut Stream,
    ) -> Result<(), Unusable> {
        let now = Instant::now();
        match push(stream, now)? {
            Step::Pieces(pieces) => self.send(pieces, stream).await,
            Step::Break(last) => {
                self.end_epoch(stream, last).await?;
                match push(stream, now)? {
                    Step::Pieces(pieces) => self.send(pieces, stream).await,
                    // One unit does not break a timeline twice: the new one has nothing to break.
                    Step::Break(_) => Ok(()),
                }
            }
        }
    }

    /// Ends the epoch under way. One that never was on air does not begin at its end: it would take the place of the
    /// one before, for a few pictures.
    async fn end_epoch(&mut self, stream: &mut Stream, last: Vec<Packaged>) -> Result<(), Unusable> {
        let sent = match stream.on_air {
            Some(_) => self.send(last, stream).await,
            None => Ok(()),
        };
        if stream.on_air.take().is_some() {
            self.presentation.end_epoch();
        }
        sent
    }

    /// Seals pieces and keeps them. The first ones begin the epoch.
    async fn send(&mut self, pieces: Vec<Packaged>, stream: &mut Stream) -> Result<(), Unusable> {
        if pieces.is_empty() {
            return Ok(());
        }
        stream.check(&pieces)?;
        if stream.on_air.is_none() {
            // Whoever was on air instead makes room. What comes of that comes of another stream: not of this one again.
            Box::pin(self.end_filler()).await;
        }
        let (reached, is_published) = (stream.reached(), stream.is_published);
        let on_air = stream
            .on_air
            .get_or_insert_with(|| self.begin(reached, is_published));
        for piece in &pieces {
            self.channel.counts.chunks_sealed.add(1);
            let Channel { store, posters, .. } = &self.channel;
            on_air
                .take(piece, store, &mut self.presentation, posters.as_ref())
                .await?;
        }
        if self.presentation.reached() != self.told {
            self.told = self.presentation.reached();
            trace!(reached = ?self.told, "chunk");
            if self.state == State::Live {
                self.report();
            } else {
                self.enter(State::Live);
            }
        }
        Ok(())
    }

    /// Begins an epoch; a publisher's is recorded, where recording is on.
    fn begin(&mut self, reached: Duration, is_published: bool) -> OnAir {
        let Channel {
            name,
            secret,
            epochs,
            recorder,
            ..
        } = &mut self.channel;
        let epoch = epochs.begin(now_ms(), reached, self.presentation.end_ms());
        info!(%epoch, "on air");
        self.epoch = Some(epoch);
        self.poster = 0;
        self.presentation.begin(epoch);
        let recorder = recorder.as_ref().filter(|_| is_published);
        let recording = recorder.map(|recorder| recorder.begin(name, epoch));
        let (secret, channel) = (secret.clone(), name.clone());
        let sealer = Sealer {
            secret,
            channel,
            epoch,
        };
        OnAir::new(sealer, recording)
    }
}

/// What is heard of the publisher next; while there is none, nothing ever.
async fn heard(visit: &mut Option<Visit>) -> Event {
    let Some(Visit { publisher, stream }) = visit else {
        return std::future::pending().await;
    };
    tokio::select! {
        unit = publisher.units.recv() => unit.map_or(Event::Gone, Event::Unit),
        made = stream.rendered() => Event::Rendered(made),
    }
}

/// The filler's next unit; while none plays, nothing ever.
async fn next_of_filler(played: &mut Option<Played>) -> Option<Unit> {
    match played {
        Some(played) => played.units.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_poster(posters: &mut Option<Posters>) -> Poster {
    match posters {
        Some(posters) => posters.next().await,
        None => std::future::pending().await,
    }
}
