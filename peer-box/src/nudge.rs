//! A nudge: something came up that the trackers should hear of, or tell of, before the next announcement.

use tokio::sync::watch;

/// Nudges whoever announces. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Nudge(watch::Sender<()>);

/// Feels the nudges. One that comes while nobody waits is felt at the next wait.
#[derive(Clone, Debug)]
pub(crate) struct Nudged(watch::Receiver<()>);

impl Nudge {
    /// A nudge, and who feels it.
    pub(crate) fn new() -> (Self, Nudged) {
        let (nudge, nudged) = watch::channel(());
        (Self(nudge), Nudged(nudged))
    }

    /// Does not wait.
    pub(crate) fn give(&self) {
        self.0.send_replace(());
    }
}

impl Nudged {
    /// Waits for a nudge; for ever, if nobody is left to give one.
    pub(crate) async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
