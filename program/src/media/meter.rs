//! What leaves for viewers: bytes, by channel, and how many viewers there are.
//!
//! No list of addresses is kept. A viewer is counted as one bit of a bitmap, at a place that a hash with a
//! secret of this process gives it ("linear counting"); how many bits are set tells about how many viewers
//! there were. Two bitmaps, each of them good for a few seconds, take turns.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use wire::audience::Audience;
use wire::id::ChannelName;

/// How long a bitmap is written to. A viewer counts for one to two turns after its last request.
const TURN: Duration = Duration::from_secs(5);

/// Bits in a bitmap: fine up to some ten thousand viewers of one program.
const BITS: usize = 4096;

/// Channels that bytes are counted for apart; those that come later count in the sum alone.
const MAX_CHANNELS: usize = 1024;

/// Two looks at how fast bytes leave are at least this far apart.
const LOOK_MILLIS: u64 = 2_500;

/// Counts what viewers are sent. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    channels: Mutex<BTreeMap<ChannelName, Arc<Channel>>>,
    viewers: Mutex<Viewers>,
}

/// What is counted of one channel.
#[derive(Debug, Default)]
struct Channel {
    bytes: AtomicU64,
    viewers: Mutex<Viewers>,
    pace: Mutex<Pace>,
}

/// Counts the bytes of one channel.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    all: Meter,
    channel: Option<Arc<Channel>>,
}

impl Meter {
    /// Media bytes handed to viewers' connections since the program started.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The same, of one channel.
    pub fn channel_bytes(&self, channel: &ChannelName) -> u64 {
        lock(&self.0.channels)
            .get(channel)
            .map_or(0, |channel| channel.bytes.load(Ordering::Relaxed))
    }

    /// About how many viewers asked for media in the last seconds. Those behind one address count once for
    /// each kind of player.
    pub fn viewers(&self) -> u32 {
        lock(&self.0.viewers).estimate(Instant::now())
    }

    /// Who watches the channel from here.
    pub fn audience(&self, channel: &ChannelName) -> Audience {
        let known = lock(&self.0.channels).get(channel).cloned();
        known.map_or_else(Audience::default, |known| known.audience(Instant::now()))
    }

    /// Who watches which channel from here; channels that nobody watches are left out.
    pub fn audiences(&self) -> Vec<(ChannelName, Audience)> {
        let now = Instant::now();
        let channels = lock(&self.0.channels);
        let audiences = channels
            .iter()
            .map(|(name, channel)| (name.clone(), channel.audience(now)));
        audiences.filter(|(_, audience)| !audience.is_empty()).collect()
    }

    pub(super) fn saw(
        &self,
        channel: &ChannelName,
        address: IpAddr,
        player: Option<&HeaderValue>,
        now: Instant,
    ) {
        let viewer = (address, player);
        lock(&self.0.viewers).saw(&viewer, now);
        if let Some(channel) = self.channel(channel) {
            lock(&channel.viewers).saw(&viewer, now);
        }
    }

    pub(super) fn counter(&self, channel: &ChannelName) -> Counter {
        Counter {
            all: self.clone(),
            channel: self.channel(channel),
        }
    }

    fn channel(&self, channel: &ChannelName) -> Option<Arc<Channel>> {
        let mut channels = lock(&self.0.channels);
        if let Some(known) = channels.get(channel) {
            return Some(Arc::clone(known));
        }
        (channels.len() < MAX_CHANNELS).then(|| Arc::clone(channels.entry(channel.clone()).or_default()))
    }
}

impl Channel {
    fn audience(&self, now: Instant) -> Audience {
        let bytes = self.bytes.load(Ordering::Relaxed);
        Audience {
            viewers: lock(&self.viewers).estimate(now),
            bits_per_second: lock(&self.pace).bits_per_second(bytes, now),
        }
    }
}

impl Counter {
    pub(super) fn sent(&self, bytes: usize) {
        self.all.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(channel) = &self.channel {
            channel.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// How fast a sum grows, from looks at it that are some seconds apart.
#[derive(Debug, Default)]
struct Pace {
    /// When a look was noted last, what the sum was then, and how fast it had grown.
    last: Option<(Instant, u64, u64)>,
}

impl Pace {
    fn bits_per_second(&mut self, sum: u64, now: Instant) -> u64 {
        let Some((at, before, pace)) = self.last else {
            self.last = Some((now, sum, 0));
            return 0;
        };
        let millis = u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
        // Segments come every two seconds: what grew in less tells little.
        if millis < LOOK_MILLIS {
            return pace;
        }
        let pace = sum.saturating_sub(before).saturating_mul(8_000) / millis;
        self.last = Some((now, sum, pace));
        pace
    }
}

#[derive(Debug, Default)]
struct Viewers {
    secret: RandomState,
    /// When the turn began, and which it is: the bits of this one and of the one before.
    turn: Option<(Instant, Bits)>,
    before: Bits,
}

#[derive(Clone, Debug)]
struct Bits(Box<[u64; BITS / 64]>);

impl Default for Bits {
    fn default() -> Self {
        Self(Box::new([0; BITS / 64]))
    }
}

impl Viewers {
    fn saw(&mut self, viewer: &impl std::hash::Hash, now: Instant) {
        self.turn_to(now);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let place = self.secret.hash_one(viewer) as usize % BITS;
        let (_, bits) = self.turn.get_or_insert_with(|| (now, Bits::default()));
        bits.0[place / 64] |= 1 << (place % 64);
    }

    fn estimate(&mut self, now: Instant) -> u32 {
        self.turn_to(now);
        let current = self
            .turn
            .as_ref()
            .map(|(_, bits)| bits.0.as_slice())
            .unwrap_or_default();
        let both = |(place, before): (usize, &u64)| before | current.get(place).unwrap_or(&0);
        let set: u32 = self
            .before
            .0
            .iter()
            .enumerate()
            .map(both)
            .map(u64::count_ones)
            .sum();
        estimate(set)
    }

    /// Begins another turn when this one is over.
    fn turn_to(&mut self, now: Instant) {
        let Some((began, _)) = self.turn else { return };
        let over = now.saturating_duration_since(began);
        if over >= TURN {
            let last = self.turn.take().map(|(_, bits)| bits).unwrap_or_default();
            self.before = if over < 2 * TURN { last } else { Bits::default() };
            self.turn = Some((now, Bits::default()));
        }
    }
}

/// How many viewers set that many bits, most likely.
fn estimate(set: u32) -> u32 {
    let all = f64::from(u32::try_from(BITS).expect("a few thousand"));
    let unset = (all - f64::from(set)).max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 34,000"
    )]
    let viewers = (all * (all / unset).ln()).round() as u32;
    viewers
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is counts: true enough, whatever happened to who held one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_are_counted_while_they_watch_and_not_for_long_after() {
        let mut audience = Viewers::default();
        let start = Instant::now();
        for second in 0..20 {
            for viewer in 0..10 {
                audience.saw(&viewer, start + Duration::from_secs(second));
            }
        }
        let last = start + Duration::from_secs(19);
        // Two of ten may share a bit.
        assert!((9..=11).contains(&audience.estimate(last)));
        assert!(audience.estimate(last + TURN) > 0);
        assert_eq!(audience.estimate(last + 3 * TURN), 0);
    }

    #[test]
    fn a_large_audience_is_estimated_well() {
        let mut audience = Viewers::default();
        let now = Instant::now();
        for viewer in 0..5000 {
            audience.saw(&viewer, now);
        }
        assert!(
            (4600..5400).contains(&audience.estimate(now)),
            "{}",
            audience.estimate(now)
        );
    }

    #[test]
    fn bytes_are_counted_by_channel_and_in_all() {
        let meter = Meter::default();
        let (one, two): (ChannelName, ChannelName) = ("one".parse().unwrap(), "two".parse().unwrap());
        meter.counter(&one).sent(5);
        meter.counter(&two).sent(7);
        assert_eq!(
            (
                meter.bytes(),
                meter.channel_bytes(&one),
                meter.channel_bytes(&two)
            ),
            (12, 5, 7)
        );
    }

    #[test]
    fn a_channels_pace_is_what_left_between_two_looks_and_nobody_is_told_of_where_nobody_watches() {
        let mut pace = Pace::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(pace.bits_per_second(1_000, start), 0);
        assert_eq!(pace.bits_per_second(9_000, after(1_000)), 0, "too soon");
        assert_eq!(pace.bits_per_second(11_000, after(4_000)), 20_000);
        assert_eq!(
            pace.bits_per_second(99_000, after(5_000)),
            20_000,
            "too soon again"
        );
        assert_eq!(pace.bits_per_second(11_000, after(8_000)), 0);

        let meter = Meter::default();
        let (one, two): (ChannelName, ChannelName) = ("one".parse().unwrap(), "two".parse().unwrap());
        meter.saw(&one, IpAddr::from([192, 0, 2, 1]), None, Instant::now());
        meter.counter(&two);
        let audiences = meter.audiences();
        assert_eq!(audiences.len(), 1, "{audiences:?}");
        assert_eq!((&audiences[0].0, audiences[0].1.viewers), (&one, 1));
        assert_eq!(meter.audience(&two), Audience::default());
        assert_eq!(meter.viewers(), 1);
    }
}
