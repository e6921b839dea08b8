//! A channel: from a publisher's units to sealed chunks, and what is said of them.
//!
//! One task a channel, one publisher after another. Each publish is an epoch, and so is the time after a break
//! in its timestamps. What was sealed goes into the store; seeds and viewers take it from there, so neither can
//! hold a publisher up.

use std::sync::Arc;
use std::time::Instant;

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
}

/// An epoch under way.
struct OnAir {
    sealer: Sealer,
    presentation: Presentation,
}

/// Why a publisher is sent away.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Package(#[from] PackageError),
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
        let mut packager = Packager::new(Cut::default());
        let mut on_air = None;
        let unusable = loop {
            let unit = tokio::select! {
                () = stop.cancelled() => None,
                unit = publisher.units.recv() => unit,
            };
            let Some(unit) = unit else { break None };
            if let Err(unusable) = self.take(unit, &mut packager, &mut on_air).await {
                break Some(unusable);
            }
        };
        let sealed = self.finish(&mut packager, &mut on_air).await;
        self.reports.send_if_modified(|report| {
            let ended = report
                .as_mut()
                .map(|report| report.ended.get_or_insert_with(Instant::now));
            ended.is_some()
        });
        match unusable.or(sealed.err()) {
            Some(why) => {
                self.counts.publishers_refused.add(1);
                warn!(%why, "publisher refused");
                publisher.refuse(why.to_string());
            }
            None => info!("publisher gone"),
        }
    }

    async fn take(
        &mut self,
        unit: Unit,
        packager: &mut Packager,
        on_air: &mut Option<OnAir>,
    ) -> Result<(), Unusable> {
        let pieces = match packager.push(unit.clone()) {
            Err(error) if error.begins_anew() => {
                info!(reason = %error, "the epoch ends, another begins");
                let next = packager.anew();
                self.finish(packager, on_air).await?;
                *packager = next;
                packager.push(unit)?
            }
            pieces => pieces?,
        };
        self.send(pieces, packager, on_air).await
    }

    /// Ends the epoch under way: what the packager still held goes out.
    async fn finish(&mut self, packager: &mut Packager, on_air: &mut Option<OnAir>) -> Result<(), Unusable> {
        let pieces = packager.finish();
        let sent = self.send(pieces, packager, on_air).await;
        *on_air = None;
        sent
    }

    /// Seals pieces and keeps them. The first ones begin the epoch.
    async fn send(
        &mut self,
        pieces: Vec<Packaged>,
        packager: &Packager,
        on_air: &mut Option<OnAir>,
    ) -> Result<(), Unusable> {
        if pieces.is_empty() {
            return Ok(());
        }
        let OnAir { sealer, presentation } = on_air.get_or_insert_with(|| self.begin(packager));
        let before = presentation.newest();
        for piece in &pieces {
            let chunk = sealer.seal(piece)?;
            let id = chunk.id().clone();
            self.counts.chunks_sealed.add(1);
            match self.store.insert(chunk).await {
                Ok(_) | Err(Refused::Stopping) => {}
                Err(refused) => warn!(chunk = %id, %refused, "chunk not kept"),
            }
            presentation.note(piece);
        }
        if presentation.newest() != before {
            debug!(epoch = %sealer.epoch, newest = presentation.newest(), "segment whole");
            let report = Report {
                epoch: sealer.epoch,
                presentation: Arc::new(presentation.clone()),
                ended: None,
            };
            self.reports.send_replace(Some(report));
        }
        Ok(())
    }

    fn begin(&mut self, packager: &Packager) -> OnAir {
        let epoch = self.epochs.begin(now_ms(), packager.reached());
        info!(%epoch, "on air");
        let sealer = Sealer {
            secret: self.secret.clone(),
            channel: self.name.clone(),
            epoch,
        };
        OnAir {
            sealer,
            presentation: Presentation::new(epoch),
        }
    }
}
