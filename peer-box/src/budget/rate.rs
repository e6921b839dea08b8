//! How fast a box may send, as people write it.

use std::fmt;
use std::str::FromStr;

use program::quantity::Bitrate;

/// An uplink from here on sends two chunks at a time.
const FAST_BITS_PER_SECOND: u64 = 50_000_000;

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rate: a number and kbit, mbit, gbit, kbyte or mbyte (a second) are, 64kbit at least, as in 20mbit or 2.5mbyte"
)]
pub struct BadRate(String);

/// A rate of sending, 64 kbit/s at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(Bitrate);

impl Rate {
    const LEAST: u64 = 64_000;
    const MOST: u64 = 1_000_000_000_000;

    /// In bits per second.
    pub fn bits_per_second(self) -> u64 {
        self.0.0
    }

    /// In bytes per second.
    pub(crate) fn bytes_per_second(self) -> u64 {
        self.0.0 / 8
    }

    /// How many chunks to send to neighbours at a time.
    pub(crate) fn upload_slots(self) -> usize {
        if self.bits_per_second() < FAST_BITS_PER_SECOND {
            1
        } else {
            2
        }
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let rate: Option<Bitrate> = text.parse().ok();
        let rate = rate.filter(|rate| (Self::LEAST..=Self::MOST).contains(&rate.0));
        rate.map(Self)
            .ok_or_else(|| BadRate(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_unit() {
        let bits = |text: &str| text.parse::<Rate>().map(Rate::bits_per_second);
        assert_eq!(bits("20mbit"), Ok(20_000_000));
        assert_eq!(bits("500kbit"), Ok(500_000));
        assert_eq!(bits("1gbit"), Ok(1_000_000_000));
        assert_eq!(bits("2.5Mbyte"), Ok(20_000_000));
        assert_eq!(bits("100 kbyte"), Ok(800_000));
        for bad in [
            "20", "", "mbit", "20 mbits", "20MB", "-1mbit", "0mbit", "1bit", "nanmbit", "infgbit", "9e9gbit",
        ] {
            assert!(bits(bad).is_err(), "{bad}");
        }
        assert!("20".parse::<Rate>().unwrap_err().to_string().contains("mbit"));
    }
}
