//! Moments as calendars write them: ISO 8601 in UTC, as manifests, playlists and clocks over HTTP have it.

use std::time::Duration;

const SECONDS_IN_DAY: u64 = 86_400;

/// A moment since 1970 in whole seconds: `2026-11-22T15:35:05Z`.
pub fn date_time(since_1970: Duration) -> String {
    format!("{}Z", unzoned(since_1970))
}

/// A moment since 1970 to the millisecond: `2026-11-22T15:35:05.007Z`.
pub fn date_time_ms(since_1970: Duration) -> String {
    format!("{}.{:03}Z", unzoned(since_1970), since_1970.subsec_millis())
}

fn unzoned(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / SECONDS_IN_DAY, seconds % SECONDS_IN_DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so that
/// the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    const FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_calendars_have_it() {
        let at = |millis| date_time_ms(Duration::from_millis(millis));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(at(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_577_836_800_000), "2020-01-01T00:00:00.000Z");
        assert_eq!(at(1_795_361_705_007), "2026-11-22T15:35:05.007Z");
        assert_eq!(at(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(
            date_time(Duration::from_millis(1_798_761_599_999)),
            "2026-12-31T23:59:59Z"
        );
    }
}
