//! Moments as calendars write them: ISO 8601 in UTC, as manifests, playlists and clocks over HTTP have it.

use std::time::Duration;

const SECONDS_IN_DAY: u64 = 86_400;
const FROM_MARCH_OF_YEAR_0: u64 = 719_468;

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

/// Days from 1970-01-01 to a Gregorian date. `None` for dates that are none, and for those before.
pub(crate) fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let in_month = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=in_month).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let from_march = (month + 9) % 12;
    let whole_years = year * 365 + year / 4 - year / 100 + year / 400;
    Some(whole_years + (153 * from_march + 2) / 5 + day - 1 - FROM_MARCH_OF_YEAR_0)
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

    #[test]
    fn dates_are_counted_in_days_and_back() {
        for day in (0..200_000).step_by(13) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), Some(day));
        }
        for (year, month, day) in [
            (2027, 2, 29),
            (2100, 2, 29),
            (2027, 0, 1),
            (2027, 13, 1),
            (2027, 4, 31),
            (1969, 12, 31),
        ] {
            assert_eq!(days(year, month, day), None, "{year}-{month}-{day}");
        }
        assert!(days(2028, 2, 29).is_some());
    }
}
