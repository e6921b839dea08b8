//! The hours in which a box serves, by the clock on the wall. Pure: the time of day is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const DAY: u32 = 24 * 60;

/// Why a text tells of no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} tells of no hours: FROM-TO does, as in 20:00-08:00, over midnight too")]
pub struct BadHours(String);

/// From one minute of the day until before another; over midnight where the first is the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    /// How long until they begin, at that second of the day; not at all within them.
    pub(crate) fn closed_for(self, second_of_day: u32) -> Option<Duration> {
        let minute = second_of_day / 60 % DAY;
        let within = if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        };
        let minutes = (self.from + DAY - minute) % DAY;
        let seconds = (minutes * 60).saturating_sub(second_of_day % 60);
        (!within).then(|| Duration::from_secs(seconds.into()))
    }
}

impl FromStr for Hours {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (minute_of(from.trim())?, minute_of(to.trim())?);
            (from != to).then_some(Self { from, to })
        };
        read().ok_or_else(|| BadHours(text.chars().take(32).collect()))
    }
}

/// `20:00`, and `24:00` as the end of a day.
fn minute_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute).filter(|minute| *minute < 60)?);
    let of_day = hour * 60 + minute;
    (of_day <= DAY).then_some(of_day % DAY)
}

impl fmt::Display for Hours {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            out,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(hours: &str, at: &str) -> Option<u64> {
        let hours: Hours = hours.parse().unwrap();
        let seconds = minute_of(at).unwrap() * 60;
        hours.closed_for(seconds).map(|closed| closed.as_secs() / 60)
    }

    #[test]
    fn hours_of_a_day_begin_and_end() {
        assert_eq!(closed("08:00-20:00", "07:59"), Some(1));
        assert_eq!(closed("08:00-20:00", "08:00"), None);
        assert_eq!(closed("08:00-20:00", "19:59"), None);
        assert_eq!(closed("08:00-20:00", "20:00"), Some(12 * 60));
        assert_eq!(closed("08:00-24:00", "23:59"), None);
    }

    #[test]
    fn hours_go_over_midnight() {
        assert_eq!(closed("20:00-08:00", "19:30"), Some(30));
        assert_eq!(closed("20:00-08:00", "20:00"), None);
        assert_eq!(closed("20:00-08:00", "00:00"), None);
        assert_eq!(closed("20:00-08:00", "07:59"), None);
        assert_eq!(closed("20:00-08:00", "08:00"), Some(12 * 60));
    }

    #[test]
    fn the_wait_is_told_to_the_second() {
        let hours: Hours = "20:00-08:00".parse().unwrap();
        let closed = hours.closed_for(19 * 3600 + 59 * 60 + 50);
        assert_eq!(closed, Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_tells_of_no_hours_is_refused() {
        for bad in [
            "",
            "20:00",
            "20-08",
            "25:00-08:00",
            "20:60-08:00",
            "20:00-20:00",
            "a:b-c:d",
            "+1:00-2:00",
            "24:01-1:00",
        ] {
            assert!(bad.parse::<Hours>().is_err(), "{bad}");
        }
        let hours: Hours = "8:30 - 0:05".parse().unwrap();
        assert_eq!(hours.to_string(), "08:30-00:05");
    }
}
