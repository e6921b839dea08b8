//! What recordings are called: `2026-11-03T09-15-00Z-1793697300000.mp4`, the time in UTC at which the file's media
//! begins, and its epoch. Names of a channel sort as its recordings follow one another, and only what is called so is
//! ever touched.

use wire::id::Epoch;

const PART: &str = ".part.mp4";
const WHOLE: &str = ".mp4";

const SECONDS_IN_DAY: u64 = 86_400;

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is being written, or was when its program ended.
    Part,
    /// It is finished.
    Whole,
}

/// A recording's name without its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// The name of a file of that epoch whose media begins at `began_ms` since 1970.
    pub(super) fn new(began_ms: u64, epoch: Epoch) -> Self {
        Self(format!("{}-{epoch}", date_time(began_ms / 1000)))
    }

    /// What the file is called at that stage.
    pub(super) fn at(&self, stage: Stage) -> String {
        let ending = match stage {
            Stage::Part => PART,
            Stage::Whole => WHOLE,
        };
        format!("{}{ending}", self.0)
    }

    /// The recording that a file is, by its name; none when it is called otherwise.
    pub(super) fn read(file: &str) -> Option<(Self, Stage)> {
        let (name, stage) = match file.strip_suffix(PART) {
            Some(name) => (name, Stage::Part),
            None => (file.strip_suffix(WHOLE)?, Stage::Whole),
        };
        let (date, epoch) = name.split_at_checked("2026-11-03T09-15-00Z".len())?;
        epoch.strip_prefix('-')?.parse::<Epoch>().ok()?;
        let shape: String = date
            .chars()
            .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
            .collect();
        (shape == "0000-00-00T00-00-00Z").then(|| (Self(name.into()), stage))
    }
}

/// As ISO 8601 writes it, but for the colons, which some systems do not take in names.
fn date_time(seconds: u64) -> String {
    let (mut day, second) = (seconds / SECONDS_IN_DAY, seconds % SECONDS_IN_DAY);
    // An epoch is no later than tomorrow; no loop of a million years for one that is.
    let mut year = 1970;
    while day >= days_in(year) && year < 9999 {
        day -= days_in(year);
        year += 1;
    }
    let february = days_in(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}-{minute:02}-{second:02}Z",
        day.min(30) + 1
    )
}

fn days_in(year: u64) -> u64 {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    365 + u64::from(leaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time_and_sort_by_it() {
        for (ms, date) in [
            (0, "1970-01-01T00-00-00Z"),
            (951_782_400_000, "2000-02-29T00-00-00Z"),
            (1_735_689_599_999, "2024-12-31T23-59-59Z"),
            (1_793_697_300_000, "2026-11-03T09-15-00Z"),
            (4_107_542_400_000, "2100-03-01T00-00-00Z"),
        ] {
            let name = Name::new(ms, Epoch(ms));
            assert_eq!(name.at(Stage::Whole), format!("{date}-{ms}.mp4"));
        }
        let far = Name::new(u64::MAX, Epoch(u64::MAX)).at(Stage::Part);
        assert!(Name::read(&far).is_some(), "{far}");
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let name = Name::new(1_793_697_300_123, Epoch(1_793_697_300_000));
        for stage in [Stage::Part, Stage::Whole] {
            assert_eq!(Name::read(&name.at(stage)), Some((name.clone(), stage)));
        }
    }

    #[test]
    fn what_is_called_otherwise_is_no_recording() {
        for file in [
            "",
            ".mp4",
            "holiday.mp4",
            "2026-11-03T09-15-00Z.mp4",
            "2026-11-03T09-15-00Z-.mp4",
            "2026-11-03T09-15-00Z-12x.mp4",
            "2026-11-03T09-15-00Z-012.mp4",
            "2026-11-03T09:15:00Z-12.mp4",
            "2026-11-03T09-15-00Z-12.mkv",
            "2026-11-03T09-15-00Z-12.mp4.bak",
            "2026-11-03T09-15-0éZ-12.mp4",
        ] {
            assert_eq!(Name::read(file), None, "{file}");
        }
    }
}
