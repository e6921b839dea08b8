//! A channel: from a publisher's units to sealed chunks, and what is said of them.
//!
//! One task a channel, one publisher after another. Each publish is an epoch, and so is the time after a break
//! in its timestamps. What was sealed goes into the store; seeds and viewers take it from there, so neither can
//! hold a publisher up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use program::lifecycle::now_ms;
use program::store::Store;
use program::window::Refused;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};
use wire::id::{ChannelName, Epoch};
use wire::key::SecretKey;
use wire::seal::Refusal;

use crate::counts::Counts;
use crate::epoch::Epochs;
use crate::ingest::Publisher;
use crate::media::Unit;
use crate::package::{Cut, PackageError, Packaged, Packager, Presentation};
use crate::seal::Sealer;

/// How often a publisher's timeline may break, and within what time: more is no accident.
const MOST_BREAKS: usize = 12;
const BREAKS_WITHIN: Duration = Duration::from_mins(1);

/// What there is to say of a channel, at each new segment and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) epoch: Epoch,
    pub(crate) presentation: Arc<Presentation>,
    /// When it ended; `None` while it is on air.
    pub(crate) ended: Option<Instant>,
}

/// A channel's task, before it runs.
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    pub(crate) secret: SecretKey,
    pub(crate) epochs: Epochs,
    pub(crate) store: Store,
    pub(crate) reports: watch::Sender<Option<Report>>,
    pub(crate) counts: Counts,
    /// What there is of it, through all epochs.
    pub(crate) presentation: Presentation,
}

/// A publisher's stream under way.
struct Publish {
    packager: Packager,
    on_air: Option<OnAir>,
    breaks: Breaks,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            packager: Packager::new(Cut::default(), []),
            on_air: None,
            breaks: Breaks::default(),
        }
    }
}

/// The breaks of a publisher's timeline within the last minute.
#[derive(Debug, Default)]
struct Breaks(VecDeque<Instant>);

impl Breaks {
    /// Notes one more `now`. Each begins an epoch, which every program has to hear of and every player to change to.
    fn are_too_many(&mut self, now: Instant) -> bool {
        let old = |then: &Instant| now.duration_since(*then) >= BREAKS_WITHIN;
        while self.0.front().is_some_and(old) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() > MOST_BREAKS
    }
}

/// An epoch under way.
struct OnAir {
    sealer: Sealer,
}

/// Why a publisher is sent away.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("more than {MOST_BREAKS} breaks within a minute, the last: {0}")]
    Broken(PackageError),
    #[error(transparent)]
    Seal(#[from] Refusal),
}

impl Channel {
    /// Takes the channel's publishers, one after another, until `stop`.
    pub(crate) async fn run(mut self, mut publishers: mpsc::Receiver<Publisher>, stop: CancellationToken) {
        loop {
            let publisher = tokio::select! {
                () = stop.cancelled() => return,
                publisher = publishers.recv() => publisher,
            };
            let Some(publisher) = publisher else { return };
            let span = info_span!("channel", name = %self.name);
            self.publish(publisher, &stop).instrument(span).await;
        }
    }

    /// Puts a publisher on air until it is gone.
    async fn publish(&mut self, mut publisher: Publisher, stop: &CancellationToken) {
        let counts = self.counts.clone();
        let _live = counts.channels_live.one();
        let mut publish = Publish::default();
        let unusable = loop {
            let unit = tokio::select! {
                () = stop.cancelled() => None,
                unit = publisher.units.recv() => unit,
            };
            let Some(unit) = unit else { break None };
            if let Err(unusable) = self.take(unit, &mut publish).await {
                break Some(unusable);
            }
        };
        let sealed = self.finish(&mut publish).await;
        self.reports.send_if_modified(|report| {
            let Some(report) = report else { return false };
            report.presentation = Arc::new(self.presentation.clone());
            report.ended.get_or_insert_with(Instant::now);
            true
        });
        if let Some(why) = unusable.or(sealed.err()) {
            publisher.refuse(why.to_string());
        }
    }

    async fn take(&mut self, unit: Unit, publish: &mut Publish) -> Result<(), Unusable> {
        let arrived = Instant::now();
        let pieces = match publish.packager.push(unit.clone(), arrived) {
            Err(error) if error.goes_on() => {
                warn!(reason = %error, "a rendition is left out");
                return Ok(());
            }
            Err(error) if error.begins_anew() => {
                if !error.is_of_rendition() && publish.breaks.are_too_many(arrived) {
                    return Err(Unusable::Broken(error));
                }
                info!(reason = %error, "the epoch ends, another begins");
                let next = publish.packager.anew();
                self.finish(publish).await?;
                publish.packager = next;
                publish.packager.push(unit, arrived)?
            }
            pieces => pieces?,
        };
        self.send(pieces, publish).await
    }

    /// Ends the epoch under way: what the packager still held goes out. One that never was on air does not begin at
    /// its end: it would take the place of the one before, for a few pictures.
    async fn finish(&mut self, publish: &mut Publish) -> Result<(), Unusable> {
        let pieces = publish.packager.finish();
        let sent = match publish.on_air {
            Some(_) => self.send(pieces, publish).await,
            None => Ok(()),
        };
        publish.on_air = None;
        self.presentation.end_epoch();
        sent
    }

    /// Seals pieces and keeps them. The first ones begin the epoch.
    async fn send(&mut self, pieces: Vec<Packaged>, publish: &mut Publish) -> Result<(), Unusable> {
        if pieces.is_empty() {
            return Ok(());
        }
        let Publish { packager, on_air, .. } = publish;
        let OnAir { sealer } = on_air.get_or_insert_with(|| self.begin(packager));
        let before = self.presentation.newest();
        for piece in &pieces {
            let chunk = sealer.seal(piece)?;
            let id = chunk.id().clone();
            self.counts.chunks_sealed.add(1);
            match self.store.insert(chunk).await {
                Ok(_) | Err(Refused::Stopping) => {}
                Err(refused) => warn!(chunk = %id, %refused, "chunk not kept"),
            }
            self.presentation.note(piece);
        }
        if self.presentation.newest() != before {
            debug!(epoch = %sealer.epoch, newest = self.presentation.newest(), "segment whole");
            let report = Report {
                epoch: sealer.epoch,
                presentation: Arc::new(self.presentation.clone()),
                ended: None,
            };
            self.reports.send_replace(Some(report));
        }
        Ok(())
    }

    fn begin(&mut self, packager: &Packager) -> OnAir {
        let end_ms = self.presentation.end_ms();
        let epoch = self.epochs.begin(now_ms(), packager.reached(), end_ms);
        self.presentation.begin(epoch);
        info!(%epoch, "on air");
        let sealer = Sealer {
            secret: self.secret.clone(),
            channel: self.name.clone(),
            epoch,
        };
        OnAir { sealer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_that_breaks_now_and_then_is_borne_and_one_that_always_does_is_not() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);

        let mut breaks = Breaks::default();
        assert!((0..100).all(|n| !breaks.are_too_many(after(n * 6))));

        let mut breaks = Breaks::default();
        assert!((0..12).all(|n| !breaks.are_too_many(after(n))));
        assert!(breaks.are_too_many(after(12)));
        assert!(breaks.0.len() <= MOST_BREAKS + 1);
    }
}
