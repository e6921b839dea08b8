//! How many more viewers a box would take. Pure.
//!
//! A box asks for fewer before it has to refuse any: what it tells the tracker goes down to none at a part of its
//! limits that leaves time for the tracker to hear it.

/// From this share of the uplink on there is room for nobody else, in percent.
const BUSY_PERCENT: u64 = 85;

/// With less than this of a month's quota left there is room for nobody else, in percent.
const NEARLY_USED_PERCENT: u64 = 2;

/// What a viewer takes while nobody watches: a usual stream, in bits per second.
const USUAL: u64 = 3_000_000;

/// What is taken of one viewer's bits per second at least, so that viewers who pause do not seem to cost nothing.
const LEAST: u64 = 500_000;

/// What a box sends, and may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// What may be sent, in bits per second.
    pub(super) rate: u64,
    /// What is sent, in bits per second.
    pub(super) sending: u64,
    /// What of it goes to viewers.
    pub(super) to_viewers: u64,
    /// How many they are.
    pub(super) viewers: u32,
    /// The quota of a month and what is left of it.
    pub(super) quota: Option<(u64, u64)>,
}

impl Use {
    /// How many more viewers there is room for.
    pub(super) fn room(self) -> u32 {
        let nearly_used = self
            .quota
            .is_some_and(|(all, left)| left < all / 100 * NEARLY_USED_PERCENT);
        let free = (self.rate / 100 * BUSY_PERCENT).saturating_sub(self.sending);
        if nearly_used || free == 0 {
            return 0;
        }
        let each = match u64::from(self.viewers) {
            0 => USUAL,
            viewers => (self.to_viewers / viewers).max(LEAST),
        };
        // A slow uplink may be enough for a stream that is slower than usual.
        u32::try_from(free / each).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Use = Use {
        rate: 20_000_000,
        sending: 0,
        to_viewers: 0,
        viewers: 0,
        quota: None,
    };

    #[test]
    fn there_is_room_for_as_many_as_the_uplink_carries() {
        assert_eq!(IDLE.room(), 5);
        let watched = Use {
            sending: 9_000_000,
            to_viewers: 4_000_000,
            viewers: 4,
            ..IDLE
        };
        assert_eq!(watched.room(), 8);
        let slow = Use {
            rate: 500_000,
            ..IDLE
        };
        assert_eq!(slow.room(), 1);
    }

    #[test]
    fn there_is_none_before_the_uplink_is_full() {
        let busy = |sending| Use { sending, ..IDLE }.room();
        assert!(busy(16_900_000) > 0);
        assert_eq!(busy(17_000_000), 0);
        assert_eq!(busy(30_000_000), 0);
    }

    #[test]
    fn there_is_none_before_the_quota_is_used() {
        let with = |left| {
            let quota = Some((1_000_000, left));
            Use { quota, ..IDLE }.room()
        };
        assert_eq!(with(20_000), 5);
        assert_eq!(with(19_999), 0);
        assert_eq!(with(0), 0);
    }
}
