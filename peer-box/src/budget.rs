//! The budget: what may leave this box, to viewers and neighbours together.
//!
//! Three limits, each a file beside this one: a rate (a token bucket), a month's quota, and hours of the day. While
//! there is a debt viewers are sent elsewhere; neighbours are served a little longer, since each of them
//! serves viewers too. Beyond the quota and outside the hours nobody is served.

mod account;
mod bucket;
mod calendar;
mod hours;
mod keeper;
mod rate;
mod room;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use program::media::Meter;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::counts::Counts;
use account::Account;
pub(crate) use account::{Given, Kept};
use bucket::Bucket;
use calendar::{Date, until_next_month};
pub use hours::{BadHours, Hours};
pub(crate) use keeper::{Keeper, recall};
pub use rate::{BadRate, Rate};

/// How much deeper the debt may be while neighbours are still served, as time at the full rate.
const NEIGHBOURS_FIRST: Duration = Duration::from_secs(1);

/// What a box may give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rate: Rate,
    /// Bytes in a month.
    pub(crate) quota: Option<u64>,
    pub(crate) hours: Option<Hours>,
}

/// Nobody is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Why, in words.
    pub(crate) why: &'static str,
    /// How long still.
    pub(crate) wait: Duration,
}

/// A box opens or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Opens,
    Closes(Closed),
}

/// The uplink that viewers and neighbours share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Uplink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    viewers: Meter,
    counts: Counts,
    clock: Clock,
    state: Mutex<State>,
    closed: watch::Sender<Option<Closed>>,
    press: Notify,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    account: Account,
}

impl Uplink {
    /// An uplink on which nothing was sent yet, and no limit but its rate.
    #[cfg(test)]
    pub(crate) fn new(rate: Rate, viewers: Meter, counts: Counts, now: Instant) -> Self {
        let limits = Limits {
            rate,
            quota: None,
            hours: None,
        };
        Self::limited(limits, None, (viewers, counts, Clock::default()), now)
    }

    /// An uplink within `limits`, that goes on from what was kept.
    pub(crate) fn limited(
        limits: Limits,
        kept: Option<Kept>,
        (viewers, counts, clock): (Meter, Counts, Clock),
        now: Instant,
    ) -> Self {
        let account = Account::new(limits.quota, limits.rate.bytes_per_second(), kept);
        let state = State {
            bucket: Bucket::new(limits.rate, now),
            account,
        };
        Self(Arc::new(Inner {
            limits,
            viewers,
            counts,
            clock,
            state: Mutex::new(state),
            closed: watch::channel(None).0,
            press: Notify::new(),
        }))
    }

    /// What it may send.
    pub(crate) fn rate(&self) -> Rate {
        self.0.limits.rate
    }

    /// Whether a viewer may be served; if not, when there will be room again.
    pub(crate) fn room_for_viewers(&self, now: Instant) -> Result<(), Duration> {
        if let Some(closed) = self.closed() {
            return Err(closed.wait);
        }
        let state = self.pressing(now);
        if state.account.quota().is_some_and(|(_, left)| left == 0) {
            return Err(until_next_month(self.0.clock.now_ms()));
        }
        match state.bucket.debt() {
            Duration::ZERO => Ok(()),
            debt => Err(debt),
        }
    }

    /// Whether a neighbour may be served.
    pub(crate) fn has_room_for_neighbours(&self, now: Instant) -> bool {
        if self.closed().is_some() {
            return false;
        }
        let state = self.pressing(now);
        state.account.quota().is_none_or(|(_, left)| left > 0) && state.bucket.debt() < NEIGHBOURS_FIRST
    }

    /// How many more viewers there is room for.
    pub(crate) fn room(&self, now: Instant) -> u32 {
        if self.closed().is_some() {
            return 0;
        }
        let viewers = self.0.viewers.viewers();
        let state = self.counted(now);
        let used = room::Use {
            rate: self.rate().bits_per_second(),
            sending: state.bucket.sending_bits_per_second(),
            to_viewers: state.bucket.to_viewers_bits_per_second(),
            viewers,
            quota: state.account.quota(),
        };
        used.room()
    }

    /// What is sent now, in bits per second, measured over the last seconds.
    pub(crate) fn sending_bits_per_second(&self, now: Instant) -> u64 {
        self.counted(now).bucket.sending_bits_per_second()
    }

    /// What was given this month, and today.
    pub(crate) fn given(&self, now: Instant) -> (Given, Given) {
        self.pressing(now).account.given()
    }

    /// The quota, and what is left of it.
    pub(crate) fn quota(&self, now: Instant) -> Option<(u64, u64)> {
        self.counted(now).account.quota()
    }

    /// Whether nobody is served, and for how long.
    pub(crate) fn closed(&self) -> Option<Closed> {
        *self.0.closed.borrow()
    }

    /// Changes as the box opens and closes.
    pub(crate) fn opening(&self) -> watch::Receiver<Option<Closed>> {
        self.0.closed.subscribe()
    }

    /// Looks at the clocks. What there is to say about it, if that has changed.
    fn look(&self, ours_ms: u64, second_of_day: u32) -> Option<Turn> {
        let now_ms = self.0.clock.told_ms();
        let mut state = self.counted(Instant::now());
        if let Some(now_ms) = now_ms {
            state.account.turn_to(Date::of_ms(now_ms));
        }
        let used_up = state.account.quota().is_some_and(|(_, left)| left == 0);
        drop(state);
        let hours = self.0.limits.hours;
        let asleep = hours.and_then(|hours| hours.closed_for(second_of_day));
        let closed = match asleep {
            Some(wait) => Some(Closed {
                why: "it is outside of --hours",
                wait,
            }),
            None => used_up.then(|| Closed {
                why: "the month's --quota is used up",
                wait: until_next_month(now_ms.unwrap_or(ours_ms)),
            }),
        };
        let mut changed = None;
        self.0.closed.send_if_modified(|known| {
            let differs = known.map(|known| known.why) != closed.map(|closed| closed.why);
            changed = differs.then_some(closed.map_or(Turn::Opens, Turn::Closes));
            *known = closed;
            differs
        });
        changed
    }

    /// Waits until somebody is served and the account should be written.
    async fn pressed(&self) {
        self.0.press.notified().await;
    }

    /// What to write, if it is `due` or presses.
    fn to_keep(&self, due: bool) -> Option<Kept> {
        let state = self.counted(Instant::now());
        let account = &state.account;
        (account.should_be_kept() || due && account.has_news()).then(|| account.to_keep())
    }

    fn to_keep_at_last(&self) -> Kept {
        self.counted(Instant::now()).account.to_keep_at_last()
    }

    fn was_kept(&self, kept: &Kept) {
        self.counted(Instant::now()).account.was_kept(kept);
    }

    /// The state after all that was sent so far.
    fn counted(&self, now: Instant) -> MutexGuard<'_, State> {
        let Inner {
            viewers,
            counts,
            state,
            ..
        } = &*self.0;
        let sent = Given {
            viewers: viewers.bytes(),
            neighbours: counts.neighbour_bytes(),
            besides: counts.small_bytes(),
        };
        // What is behind the lock is counts: true enough, whatever happened to who held it.
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bucket.account(now, sent.total(), sent.viewers);
        state.account.count(sent);
        state
    }

    /// As [`Uplink::counted`]; what is written is brought up to date soon, if it should be.
    fn pressing(&self, now: Instant) -> MutexGuard<'_, State> {
        let state = self.counted(now);
        if state.account.should_be_kept() {
            self.0.press.notify_one();
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::secret;
    use wire::id::BoxId;

    const NOON: u32 = 12 * 3600;

    fn uplink(quota: Option<u64>, hours: Option<&str>, counts: &Counts, now: Instant) -> Uplink {
        let limits = Limits {
            rate: "8mbit".parse().unwrap(),
            quota,
            hours: hours.map(|hours| hours.parse().unwrap()),
        };
        let around = (Meter::default(), counts.clone(), Clock::default());
        Uplink::limited(limits, None, around, now)
    }

    #[test]
    fn neighbours_are_served_a_little_longer_than_viewers() {
        let now = Instant::now();
        let counts = Counts::default();
        let uplink = uplink(None, None, &counts, now);
        let neighbour = BoxId::of(&secret(1).public());
        assert_eq!(uplink.room_for_viewers(now), Ok(()));
        counts.sent_to_neighbour(neighbour, 4_500_000);
        assert_eq!(uplink.room_for_viewers(now), Err(Duration::from_millis(500)));
        assert!(uplink.has_room_for_neighbours(now));
        counts.sent_besides(1_000_000);
        assert!(!uplink.has_room_for_neighbours(now));
    }

    #[test]
    fn a_used_up_quota_serves_nobody_until_the_next_month() {
        let now = Instant::now();
        let counts = Counts::default();
        let uplink = uplink(Some(1_000_000), None, &counts, now);
        assert_eq!(uplink.look(0, NOON), None);
        counts.sent_besides(985_000);
        assert_eq!(uplink.room(now), 0, "it asks for nobody else");
        assert_eq!(uplink.room_for_viewers(now), Ok(()), "before it refuses anybody");

        counts.sent_besides(15_000);
        assert!(uplink.room_for_viewers(now).unwrap_err() > Duration::from_secs(1));
        assert!(!uplink.has_room_for_neighbours(now));
        let Some(Turn::Closes(closed)) = uplink.look(0, NOON) else {
            panic!("a word about it")
        };
        assert!(closed.why.contains("--quota"));
        assert_eq!(uplink.look(0, NOON), None, "said once");
    }

    #[test]
    fn outside_its_hours_a_box_serves_nobody() {
        let now = Instant::now();
        let uplink = uplink(None, Some("20:00-08:00"), &Counts::default(), now);
        let Some(Turn::Closes(closed)) = uplink.look(0, NOON) else {
            panic!("a word about it")
        };
        assert!(closed.why.contains("--hours"));
        assert_eq!(uplink.room_for_viewers(now), Err(Duration::from_hours(8)));
        assert!(!uplink.has_room_for_neighbours(now));
        assert_eq!(uplink.room(now), 0);

        assert_eq!(uplink.look(0, 20 * 3600), Some(Turn::Opens));
        assert_eq!(uplink.room_for_viewers(now), Ok(()));
        assert!(uplink.has_room_for_neighbours(now) && uplink.room(now) > 0);
    }
}
