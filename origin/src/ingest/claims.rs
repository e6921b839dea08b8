//! Which channels have a publisher, and when another takes its place.
//!
//! An encoder whose connection broke comes back before the origin can know that it is gone: the old connection is
//! still open, and nothing arrives on it. So whoever shows the same key while the publisher is silent waits until
//! one of two things is clear. If the old connection speaks it is alive, and the new one is refused. If it was silent
//! for [`QUIET`] it is ended, and the new one publishes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::id::ChannelName;

use super::ended::Ended;
use super::keys::{Grant, KeyId};

/// How long a publisher is silent when it has to make room for itself: longer than a network stutters.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// Which channels have a publisher.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<ChannelName, Arc<Standing>>);

/// The right to publish a channel, as long as it is held: no way of ending a connection can forget to give it back.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) channel: ChannelName,
    pub(super) standing: Arc<Standing>,
}

/// How a publisher stands: its connection tells when it is heard, and is told when it has to go.
#[derive(Debug)]
pub(super) struct Standing {
    key: KeyId,
    /// When something arrived last; `None` while it is the origin that does not listen.
    heard: watch::Sender<Option<Instant>>,
    dismissed: CancellationToken,
    why: OnceLock<Ended>,
    gone: CancellationToken,
}

/// What is to be thought of a publisher when another comes with the same key.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    Alive,
    Silent,
    /// Too early to tell: at that moment it will have been silent.
    Until(Instant),
}

impl Claims {
    /// The right to publish a channel, or how the one stands who has it.
    pub(super) fn claim(&mut self, grant: Grant, now: Instant) -> Result<Claim, Arc<Standing>> {
        self.0.retain(|_, holder| !holder.gone.is_cancelled());
        let Grant { channel, key } = grant;
        if let Some(holder) = self.0.get(&channel) {
            return Err(Arc::clone(holder));
        }
        let standing = Arc::new(Standing {
            key,
            heard: watch::Sender::new(Some(now)),
            dismissed: CancellationToken::new(),
            why: OnceLock::new(),
            gone: CancellationToken::new(),
        });
        self.0.insert(channel.clone(), Arc::clone(&standing));
        Ok(Claim { channel, standing })
    }

    /// Ends every publisher whose key does not count any more.
    pub(super) fn dismiss_unless(&self, counts: impl Fn(&KeyId) -> bool) {
        for standing in self.0.values() {
            if !counts(&standing.key) {
                standing.dismiss(Ended::Removed);
            }
        }
    }
}

impl Standing {
    /// The key that was shown.
    pub(super) fn key(&self) -> &KeyId {
        &self.key
    }

    /// Something arrived `now`.
    pub(super) fn hear(&self, now: Instant) {
        self.heard.send_replace(Some(now));
    }

    /// The origin does not listen for now: that the publisher is not heard is no silence of its own.
    pub(super) fn deafen(&self) {
        self.heard.send_replace(None);
    }

    /// Returns when the publisher has to go, and why.
    pub(super) async fn dismissed(&self) -> Ended {
        self.dismissed.cancelled().await;
        self.why.get().cloned().unwrap_or(Ended::Replaced)
    }

    fn dismiss(&self, why: Ended) {
        // The first reason is the one.
        let _ = self.why.set(why);
        self.dismissed.cancel();
    }

    /// Waits until the publisher is gone, for whoever `asked` to take its place; ends it when it was silent for
    /// `quiet`. Whether it is gone: otherwise it is alive.
    pub(super) async fn outlast(&self, asked: Instant, quiet: Duration) -> bool {
        let mut heard = self.heard.subscribe();
        loop {
            let last = *heard.borrow_and_update();
            match judge(last, asked, tokio::time::Instant::now().into_std(), quiet) {
                Sign::Alive => return false,
                Sign::Silent => {
                    self.dismiss(Ended::Replaced);
                    self.gone.cancelled().await;
                    return true;
                }
                Sign::Until(moment) => tokio::select! {
                    () = self.gone.cancelled() => return true,
                    // The sender is this standing's own.
                    _ = heard.changed() => {}
                    () = tokio::time::sleep_until(moment.into()) => {}
                },
            }
        }
    }
}

fn judge(heard: Option<Instant>, asked: Instant, now: Instant, quiet: Duration) -> Sign {
    match heard {
        None => Sign::Alive,
        Some(heard) if heard > asked => Sign::Alive,
        Some(heard) if now >= heard + quiet => Sign::Silent,
        Some(heard) => Sign::Until(heard + quiet),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.standing.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::keys::{KeyRing, Secret};

    fn ring() -> KeyRing {
        let settings = ["demo=correct-horse_7", "other=correct-horse_9"];
        let settings = settings.map(|text| text.parse().unwrap());
        KeyRing::new(&settings, || [7; 16]).unwrap()
    }

    fn grant(key: &str) -> Grant {
        ring().grant(&Secret(key.into())).unwrap()
    }

    #[test]
    fn a_channel_has_one_publisher_at_a_time() {
        let (mut claims, now) = (Claims::default(), Instant::now());
        let first = claims.claim(grant("correct-horse_7"), now).unwrap();
        let holder = claims.claim(grant("correct-horse_7"), now).unwrap_err();
        assert_eq!(*holder.key(), grant("correct-horse_7").key);
        assert!(claims.claim(grant("correct-horse_9"), now).is_ok());

        drop(first);
        assert!(claims.claim(grant("correct-horse_7"), now).is_ok());
    }

    #[test]
    fn whoever_speaks_after_another_asked_is_alive_and_whoever_is_silent_for_long_is_not() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let judged = |heard, asked, now| judge(heard, asked, now, QUIET);
        assert_eq!(judged(Some(after(11)), after(10), after(11)), Sign::Alive);
        assert_eq!(
            judged(Some(after(9)), after(10), after(10)),
            Sign::Until(after(11))
        );
        assert_eq!(judged(Some(after(9)), after(10), after(11)), Sign::Silent);
        assert_eq!(judged(Some(after(1)), after(10), after(10)), Sign::Silent);
        assert_eq!(
            judged(None, after(10), after(100)),
            Sign::Alive,
            "it was not listened to"
        );
    }

    #[tokio::test]
    async fn a_publisher_whose_key_is_removed_is_told_so() {
        let (mut claims, now) = (Claims::default(), Instant::now());
        let demo = claims.claim(grant("correct-horse_7"), now).unwrap();
        let other = claims.claim(grant("correct-horse_9"), now).unwrap();
        claims.dismiss_unless(|key| key == other.standing.key());
        assert_eq!(demo.standing.dismissed().await, Ended::Removed);
        assert!(!other.standing.dismissed.is_cancelled());
    }
}
