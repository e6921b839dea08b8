//! Holding a request until there is what it asks for.

use std::time::Duration;

use tokio::time::timeout;
use wire::id::ChannelName;

use super::App;
use crate::roster::ChannelView;
use crate::waiting::Place;

/// What became of a request that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// What it waited for is there.
    Came,
    /// It is not there, and the request was held long enough.
    InVain,
}

impl App {
    /// Holds a request until the channel is as it should be, for no longer than `patience`.
    pub(super) async fn hold(
        &self,
        _place: &Place,
        channel: &ChannelName,
        patience: Duration,
        enough: impl Fn(&ChannelView) -> bool,
    ) -> Held {
        let view = self.roster.view();
        let Some(mut news) = view.channels.get(channel).map(|known| known.news.clone()) else {
            return Held::InVain;
        };
        drop(view);
        let came = async {
            loop {
                if self.roster.view().channels.get(channel).is_none_or(&enough) {
                    return Held::Came;
                }
                if news.changed().await.is_err() {
                    return Held::InVain;
                }
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => Held::InVain,
            held = timeout(patience, came) => held.unwrap_or(Held::InVain),
        }
    }
}
