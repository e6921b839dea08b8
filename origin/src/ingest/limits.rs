//! What a publisher may push to its channel: so many bits a second, so many lines.

use std::fmt;
use std::time::{Duration, Instant};

/// So much more than its rate a publisher may be ahead, in the time that it takes at that rate: keyframes and busy
/// scenes are large, and what an encoder held back while the network stuttered comes at once.
const BURST: Duration = Duration::from_secs(10);

/// What a publisher may push; by default, anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bits of media in a second.
    pub max_bitrate: Option<u64>,
    /// Lines of the picture.
    pub max_height: Option<u32>,
}

/// A limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// Too many bits.
    #[error("{} over {} s are more than this channel's limit of {}", Mbit(*.bits_per_second), .over.as_secs(), Mbit(*.limit))]
    Bitrate {
        /// What was measured.
        bits_per_second: u64,
        /// Over how long.
        over: Duration,
        /// What may be.
        limit: u64,
    },
    /// Too many lines.
    #[error("a picture of {height} lines is more than this channel's limit of {limit}")]
    Height {
        /// What it has.
        height: u32,
        /// What it may have.
        limit: u32,
    },
}

impl Limits {
    /// Whether the picture may have so many lines.
    pub fn check_height(&self, height: u32) -> Result<(), OverLimit> {
        match self.max_height {
            Some(limit) if height > limit => Err(OverLimit::Height { height, limit }),
            _ => Ok(()),
        }
    }
}

/// How much a publisher pushes, since it was last within its rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    limit: Option<u64>,
    since: Instant,
    bits: u64,
}

impl Flow {
    /// The flow of a publisher that begins `now`.
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            limit: limits.max_bitrate,
            since: now,
            bits: 0,
        }
    }

    /// Takes so many `bytes` more.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> Result<(), OverLimit> {
        let Some(limit) = self.limit else { return Ok(()) };
        let elapsed = now.saturating_duration_since(self.since);
        if self.bits <= bits_in(elapsed, limit) {
            (self.since, self.bits) = (now, 0);
        }
        self.bits = self.bits.saturating_add(bytes as u64 * 8);
        let over = now.saturating_duration_since(self.since);
        if self.bits <= bits_in(over + BURST, limit) {
            return Ok(());
        }
        let over = over.max(Duration::from_secs(1));
        let millis = u64::try_from(over.as_millis()).unwrap_or(u64::MAX);
        Err(OverLimit::Bitrate {
            bits_per_second: self.bits.saturating_mul(1000) / millis,
            over,
            limit,
        })
    }
}

fn bits_in(time: Duration, bits_per_second: u64) -> u64 {
    let bits = u128::from(bits_per_second) * time.as_millis() / 1000;
    u64::try_from(bits).unwrap_or(u64::MAX)
}

/// Bits in a second as people read them.
struct Mbit(u64);

impl fmt::Display for Mbit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{} Mbit/s", self.0 / 1_000_000, self.0 / 100_000 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 8_000_000;
    const LIMITS: Limits = Limits {
        max_bitrate: Some(LIMIT),
        max_height: Some(1080),
    };

    /// Pushes bytes a second in ten parts; after how many seconds it is too much.
    fn refused_after(
        flow: &mut Flow,
        start: Instant,
        bytes: usize,
        seconds: u64,
    ) -> Option<(u64, OverLimit)> {
        let tenths = 0..seconds * 10;
        tenths.into_iter().find_map(|tenth| {
            let now = start + Duration::from_millis(tenth * 100);
            flow.take(bytes / 10, now).err().map(|over| (tenth / 10, over))
        })
    }

    #[test]
    fn who_stays_within_the_rate_goes_on_for_ever_and_who_does_not_is_told_how_much_it_was() {
        let start = Instant::now();
        let mut flow = Flow::new(&LIMITS, start);
        assert_eq!(refused_after(&mut flow, start, 1_000_000, 3600), None);

        let mut flow = Flow::new(&LIMITS, start);
        let (after, over) = refused_after(&mut flow, start, 2_000_000, 60).unwrap();
        assert!((9..=11).contains(&after), "{after}");
        let said = over.to_string();
        assert!(
            said.starts_with("16.") && said.ends_with("limit of 8.0 Mbit/s"),
            "{said}"
        );
        let mut flow = Flow::new(&Limits::default(), start);
        assert_eq!(refused_after(&mut flow, start, usize::MAX / 8, 10), None);
    }

    #[test]
    fn what_an_encoder_held_back_may_come_at_once() {
        let start = Instant::now();
        let mut flow = Flow::new(&LIMITS, start);
        for minute in 0..10 {
            let now = start + Duration::from_mins(minute);
            // Seven seconds of media after a network that stood still, then more as it is made.
            flow.take(7_000_000, now).unwrap();
            let after = now + Duration::from_secs(1);
            assert_eq!(refused_after(&mut flow, after, 1_000_000, 50), None);
        }
        assert!(flow.take(11_000_000, start + Duration::from_hours(1)).is_err());
    }

    #[test]
    fn a_picture_may_be_as_high_as_the_limit() {
        assert_eq!(LIMITS.check_height(1080), Ok(()));
        assert_eq!(Limits::default().check_height(4320), Ok(()));
        let said = LIMITS.check_height(1440).unwrap_err().to_string();
        assert_eq!(
            said,
            "a picture of 1440 lines is more than this channel's limit of 1080"
        );
    }
}
