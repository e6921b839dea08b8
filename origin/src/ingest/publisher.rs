//! A publisher, as the rest of the origin sees it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use wire::id::ChannelName;

use super::claims::{Claim, Standing};
use super::ended::Ended;
use super::hook::Visit;
use super::limits::Limits;
use crate::media::Unit;

/// How many units may wait to be packaged: about half a second of pictures and sound. When they are that
/// many, the publisher's connection is read no further, and TCP slows the encoder down.
pub(super) const BACKLOG: usize = 48;
/// How many bytes they may have together: half a second of 256 Mbit/s, and room for four of the largest messages.
const BACKLOG_BYTES: u32 = 16 << 20;

/// Somebody who showed a channel's stream key and publishes it now.
///
/// The next publisher of a channel can arrive as soon as the connection of the last one ended, while
/// units of that one still wait in `units`: take them in this order.
#[derive(Debug)]
pub struct Publisher {
    /// What is published.
    pub channel: ChannelName,
    /// What may be pushed. The bitrate is seen to; what is in the picture is for who reads it.
    pub limits: Limits,
    /// The stream, in the order in which it came. Closed: the publisher is gone.
    pub units: Units,
    verdict: oneshot::Sender<String>,
}

impl Publisher {
    /// Ends the publisher's connection. The encoder shows `why`, the log has it. Dropping `units` ends it too,
    /// without a reason.
    pub fn refuse(self, why: impl Into<String>) {
        // An error means that the publisher is gone already.
        let _ = self.verdict.send(why.into());
    }
}

/// A publisher's units. What waits here is bounded by number and by bytes.
#[derive(Debug)]
pub struct Units(mpsc::Receiver<Queued>);

/// A unit that waits, and the room that it takes.
#[derive(Debug)]
struct Queued {
    unit: Unit,
    _room: OwnedSemaphorePermit,
}

impl Units {
    /// The next unit; `None` when the publisher is gone and all were taken.
    pub async fn recv(&mut self) -> Option<Unit> {
        self.0.recv().await.map(|queued| queued.unit)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the publisher is gone.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The connection's end of a [`Publisher`].
#[derive(Debug)]
pub(super) struct Outlet {
    claim: Claim,
    units: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    verdict: oneshot::Receiver<String>,
    _visit: Option<Visit>,
}

impl Outlet {
    /// Both ends of a publisher that may push what `limits` says to the channel that it has a `claim` to.
    pub(super) fn open(claim: Claim, limits: Limits, visit: Option<Visit>) -> (Self, Publisher) {
        let (to_package, units) = mpsc::channel(BACKLOG);
        let (judge, verdict) = oneshot::channel();
        let publisher = Publisher {
            channel: claim.channel.clone(),
            limits,
            units: Units(units),
            verdict: judge,
        };
        let outlet = Self {
            claim,
            units: to_package,
            room: Arc::new(Semaphore::new(BACKLOG_BYTES as usize)),
            verdict,
            _visit: visit,
        };
        (outlet, publisher)
    }

    /// What is published.
    pub(super) fn channel(&self) -> &ChannelName {
        &self.claim.channel
    }

    /// How the publisher stands among others.
    pub(super) fn standing(&self) -> &Arc<Standing> {
        &self.claim.standing
    }

    /// Hands `unit` on at once, or gives it back when there is no room for it yet.
    pub(super) fn try_send(&mut self, unit: Unit) -> Result<Option<Unit>, Ended> {
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(room_of(&unit)) else {
            return if self.units.is_closed() {
                Err(self.refused())
            } else {
                Ok(Some(unit))
            };
        };
        match self.units.try_send(Queued { unit, _room: room }) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(queued)) => Ok(Some(queued.unit)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(self.refused()),
        }
    }

    /// Hands `unit` on as soon as there is room.
    pub(super) async fn send(&mut self, unit: Unit) -> Result<(), Ended> {
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(room_of(&unit)) => room,
            () = self.units.closed() => return Err(self.refused()),
        };
        let room = room.expect("the semaphore is never closed");
        let sent = self.units.send(Queued { unit, _room: room }).await;
        sent.map_err(|_| self.refused())
    }

    /// Returns when the publisher has to go, and why: nobody takes its units any more, or another takes its place.
    pub(super) async fn over(&mut self) -> Ended {
        tokio::select! {
            why = self.claim.standing.dismissed() => why,
            () = self.units.closed() => self.refused(),
        }
    }

    fn refused(&mut self) -> Ended {
        let why = self.verdict.try_recv();
        Ended::Refused(why.unwrap_or_else(|_| "the origin takes it no longer".into()))
    }
}

/// How much room a unit takes. Nothing takes more than all there is: it would wait for ever.
fn room_of(unit: &Unit) -> u32 {
    u32::try_from(size(unit)).map_or(BACKLOG_BYTES, |bytes| bytes.min(BACKLOG_BYTES))
}

/// How many bytes of media a unit has.
pub(super) fn size(unit: &Unit) -> usize {
    match unit {
        Unit::Config(_, config) => config.bytes().len(),
        Unit::Sample(sample) => sample.data.len(),
    }
}
