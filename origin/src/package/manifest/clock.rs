//! Moments and durations as XML Schema writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_IN_DAY: u64 = 86_400;

/// `availabilityStartTime`, the same for ever: players take its change for another presentation, and ffmpeg takes
/// 1970 for absent.
pub(super) const AVAILABILITY_START: &str = "2020-01-01T00:00:00Z";
/// The same moment in seconds since 1970.
const AVAILABILITY_START_SECONDS: u64 = 1_577_836_800;

/// `xs:dateTime` in UTC, in whole seconds.
pub(crate) fn date_time(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / SECONDS_IN_DAY, seconds % SECONDS_IN_DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `xs:dateTime` in UTC, to the millisecond, of a moment since 1970; HLS writes it alike (RFC 8216 §4.3.2.6).
pub(super) fn date_time_ms(since_1970: Duration) -> String {
    let seconds = date_time(UNIX_EPOCH + Duration::from_secs(since_1970.as_secs()));
    let seconds = seconds.trim_end_matches('Z');
    format!("{seconds}.{:03}Z", since_1970.subsec_millis())
}

/// `xs:duration` in seconds, to the millisecond.
pub(super) fn duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if millis == 0 {
        return format!("PT{seconds}S");
    }
    let fraction = format!("{millis:03}");
    format!("PT{seconds}.{}S", fraction.trim_end_matches('0'))
}

/// How long after [`AVAILABILITY_START`] a moment since 1970 is.
pub(super) fn since_availability_start(since_1970: Duration) -> Duration {
    since_1970.saturating_sub(Duration::from_secs(AVAILABILITY_START_SECONDS))
}

/// The date that many days after 1970-01-01. Years are counted from March, so that the leap day is the
/// last of its year; 400 of them have 146 097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    const FROM_YEAR_ZERO: u64 = 719_468;
    let days = days + FROM_YEAR_ZERO;
    let (cycle, day_of_cycle) = (days / 146_097, days % 146_097);
    let leaps = day_of_cycle / 1460 + day_of_cycle / 146_096 - day_of_cycle / 36_524;
    let year_of_cycle = (day_of_cycle - leaps) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| date_time(UNIX_EPOCH + Duration::from_secs(seconds));

        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(AVAILABILITY_START_SECONDS), AVAILABILITY_START);
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(
            date_time_ms(Duration::from_millis(1_798_761_599_007)),
            "2026-12-31T23:59:59.007Z"
        );
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_secs(6)), "PT6S");
        assert_eq!(duration(Duration::from_millis(2005)), "PT2.005S");
        assert_eq!(duration(Duration::from_millis(500)), "PT0.5S");
    }
}
