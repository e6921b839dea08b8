//! A publisher, as the rest of the origin sees it.

use tokio::sync::{mpsc, oneshot};
use wire::id::ChannelName;

use super::ended::Ended;
use super::places::Claim;
use crate::media::Unit;

/// How many units may wait to be packaged: about half a second of pictures and sound. When they are that
/// many, the publisher's connection is read no further, and TCP slows the encoder down.
const BACKLOG: usize = 48;

/// Somebody who showed a channel's stream key and publishes it now.
///
/// The next publisher of a channel can arrive as soon as the connection of the last one ended, while
/// units of that one still wait in `units`: take them in this order.
#[derive(Debug)]
pub struct Publisher {
    /// What is published.
    pub channel: ChannelName,
    /// The stream, in the order in which it came. Closed: the publisher is gone.
    pub units: mpsc::Receiver<Unit>,
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

/// The connection's end of a [`Publisher`].
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) channel: ChannelName,
    units: mpsc::Sender<Unit>,
    verdict: oneshot::Receiver<String>,
    _claim: Claim,
}

impl Outlet {
    /// Both ends of a publisher of `channel`, to which `claim` is the right.
    pub(super) fn open(channel: ChannelName, claim: Claim) -> (Self, Publisher) {
        let (to_package, units) = mpsc::channel(BACKLOG);
        let (judge, verdict) = oneshot::channel();
        let publisher = Publisher {
            channel: channel.clone(),
            units,
            verdict: judge,
        };
        (
            Self {
                channel,
                units: to_package,
                verdict,
                _claim: claim,
            },
            publisher,
        )
    }

    /// Hands `unit` on at once, or gives it back when others still wait.
    pub(super) fn try_send(&mut self, unit: Unit) -> Result<Option<Unit>, Ended> {
        match self.units.try_send(unit) {
            Ok(()) => Ok(None),
            Err(mpsc::error::TrySendError::Full(unit)) => Ok(Some(unit)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(self.refused()),
        }
    }

    /// Hands `unit` on as soon as there is room.
    pub(super) async fn send(&mut self, unit: Unit) -> Result<(), Ended> {
        let sent = self.units.send(unit).await;
        sent.map_err(|_| self.refused())
    }

    /// Returns when nobody takes units any more, and why.
    pub(super) async fn closed(&mut self) -> Ended {
        self.units.closed().await;
        self.refused()
    }

    fn refused(&mut self) -> Ended {
        let why = self.verdict.try_recv();
        Ended::Refused(why.unwrap_or_else(|_| "the origin takes it no longer".into()))
    }
}
