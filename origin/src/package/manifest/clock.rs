//! Moments and durations as XML Schema writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `availabilityStartTime`, the same for ever: players take its change for another presentation, and ffmpeg takes
/// 1970 for absent.
pub(super) const AVAILABILITY_START: &str = "2020-01-01T00:00:00Z";
/// The same moment in seconds since 1970.
const AVAILABILITY_START_SECONDS: u64 = 1_577_836_800;

/// `xs:dateTime` in UTC, to the millisecond, of a moment since 1970; HLS writes it alike (RFC 8216 §4.3.2.6).
pub(super) use program::clock::date_time_ms;

/// `xs:dateTime` in UTC, in whole seconds.
pub(crate) fn date_time(moment: SystemTime) -> String {
    program::clock::date_time(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn availability_starts_at_one_moment() {
        let start = UNIX_EPOCH + Duration::from_secs(AVAILABILITY_START_SECONDS);
        assert_eq!(date_time(start), AVAILABILITY_START);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_secs(6)), "PT6S");
        assert_eq!(duration(Duration::from_millis(2005)), "PT2.005S");
        assert_eq!(duration(Duration::from_millis(500)), "PT0.5S");
    }
}
