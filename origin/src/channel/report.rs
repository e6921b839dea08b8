//! What there is to say of a channel, for whoever tells trackers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use wire::id::Epoch;
use wire::presentation::{Document, State, Warning};

use crate::package::Presentation;

/// What there is to say of a channel: anew at each part of a segment, and whenever something else has changed.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) epoch: Epoch,
    pub(crate) presentation: Arc<Presentation>,
    pub(crate) state: State,
    /// Since when it is in that state.
    pub(crate) since: Instant,
    /// The newest poster of the epoch, 0 for none.
    pub(crate) poster: u32,
    pub(crate) warnings: Vec<Warning>,
    /// Signed news of its epochs that were taken down.
    pub(crate) takedowns: Vec<Bytes>,
}

/// What every tracker is to hear at once: epoch, newest segment, state, poster, warnings and takedowns.
pub(crate) type Gist = (Epoch, u32, State, u32, Vec<Warning>, Vec<Bytes>);

/// How long a channel that ended is still presented with its documents: until those who watched it have heard.
const FAREWELL: Duration = Duration::from_mins(1);

impl Report {
    /// Whether there is anything to watch, or was a moment ago.
    pub(crate) fn is_news(&self) -> bool {
        self.state.is_on_air() || self.since.elapsed() < FAREWELL
    }

    /// All of it but how far the segment in the making has come.
    pub(crate) fn gist(&self) -> Gist {
        let newest = self.presentation.newest().unwrap_or(0);
        let (warnings, takedowns) = (self.warnings.clone(), self.takedowns.clone());
        (self.epoch, newest, self.state, self.poster, warnings, takedowns)
    }

    /// The manifests and playlists, as of `now`.
    pub(crate) fn documents(&self, now: SystemTime) -> Vec<Document> {
        self.presentation.documents(now, self.state)
    }

    /// The same channel, which has ended.
    pub(crate) fn ended(self) -> Self {
        match self.state {
            State::Ended => self,
            State::Live | State::Away => Self {
                state: State::Ended,
                since: Instant::now(),
                ..self
            },
        }
    }
}
