//! Months and days, in UTC. Pure.

use std::time::Duration;

const DAY_MS: u64 = 86_400_000;

/// A day of the Gregorian calendar. Later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
}

impl Date {
    /// The day of so many milliseconds since 1970, by the rule of 400 years of 146,097 days.
    pub(crate) fn of_ms(ms: u64) -> Self {
        // Days are counted from 1 March of the year 0, so that the day that leap years have more is a year's last.
        let days = ms / DAY_MS + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let since_march = (5 * of_year + 2) / 153;
        let month = if since_march < 10 {
            since_march + 3
        } else {
            since_march - 9
        };
        Self {
            year: era * 400 + year + u64::from(month <= 2),
            month,
            day: of_year - (153 * since_march + 2) / 5 + 1,
        }
    }

    /// As a number that is read easily: 202611.
    pub(crate) fn month_number(self) -> u64 {
        self.year * 100 + self.month
    }

    /// As a number that is read easily: 20261122.
    pub(crate) fn day_number(self) -> u64 {
        self.month_number() * 100 + self.day
    }
}

/// How long until the first of the next month.
pub(crate) fn until_next_month(ms: u64) -> Duration {
    let now = Date::of_ms(ms);
    let midnight = ms - ms % DAY_MS;
    let next = (1..=31).map(|days| midnight + days * DAY_MS);
    let first = next
        .into_iter()
        .find(|ms| Date::of_ms(*ms).month != now.month)
        .unwrap_or(midnight);
    Duration::from_millis(first.saturating_sub(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_what_the_calendar_says() {
        for (ms, day) in [
            (0, 19_700_101),
            (951_782_399_999, 20_000_228),
            (951_782_400_000, 20_000_229),
            (951_868_800_000, 20_000_301),
            (1_735_689_599_999, 20_241_231),
            (1_735_689_600_000, 20_250_101),
            (1_790_000_000_000, 20_260_921),
            (4_107_542_400_000, 21_000_301),
        ] {
            assert_eq!(Date::of_ms(ms).day_number(), day, "{ms}");
        }
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        assert_eq!(until_next_month(1_735_689_599_000), Duration::from_secs(1));
        assert_eq!(until_next_month(1_735_689_600_000), Duration::from_hours(31 * 24));
        assert_eq!(until_next_month(951_782_400_000), Duration::from_hours(24));
    }
}
