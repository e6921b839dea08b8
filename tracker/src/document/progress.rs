//! How far a playlist has come, and what to tell a player that asks for more than it holds.
//!
//! A player of low-latency HLS asks for the playlist that holds a certain segment or part, and its request
//! is held until there is one (Blocking Playlist Reload, RFC 8216bis §6.2.5.2).

use std::time::Duration;

/// A target duration is taken for no longer than this.
const LONGEST_TARGET: Duration = Duration::from_secs(15);

/// How far a media playlist has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The media sequence number of the segment that is still being made.
    pub next: u64,
    /// How many parts of it there are.
    pub parts: u64,
    /// How many parts of the segment before it are listed.
    pub parts_before: u64,
    /// The target duration.
    pub target: Duration,
    /// The target duration of parts, if there are any.
    pub part_target: Option<Duration>,
    /// Whether the origin says that requests may be held.
    pub blocks: bool,
    /// Whether nothing will come any more.
    pub ended: bool,
}

/// What a player asks a playlist to hold: a media sequence number, and an index among its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `_HLS_msn`.
    pub segment: u64,
    /// `_HLS_part`.
    pub part: Option<u64>,
}

/// Why a player cannot be told when to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAsk {
    /// Not a number, or a part of nothing.
    #[error("_HLS_msn should be a number, and _HLS_part one beside it")]
    Unread,
    /// Longer than anybody waits.
    #[error("segment {asked} is too far ahead: {next} is being made")]
    TooFar {
        /// The segment asked for.
        asked: u64,
        /// The segment that is being made.
        next: u64,
    },
}

impl Asked {
    /// Reads the two directives of a URL's query.
    pub fn read(segment: Option<&str>, part: Option<&str>) -> Result<Option<Self>, BadAsk> {
        let number = |text: &str| text.parse().map_err(|_| BadAsk::Unread);
        match (segment, part) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(BadAsk::Unread),
            (Some(segment), part) => Ok(Some(Self {
                segment: number(segment)?,
                part: part.map(number).transpose()?,
            })),
        }
    }
}

impl Progress {
    /// Whether the playlist holds what was asked for.
    pub fn holds(&self, Asked { segment, part }: Asked) -> bool {
        match part {
            _ if self.ended => true,
            // A part behind the last one of its segment means the first part of the next segment.
            Some(part) if self.is_behind(segment, part) => self.parts > 0,
            _ if segment < self.next => true,
            Some(part) => segment == self.next && part < self.parts,
            None => false,
        }
    }

    fn is_behind(&self, segment: u64, part: u64) -> bool {
        segment.checked_add(1) == Some(self.next) && self.parts_before > 0 && part >= self.parts_before
    }

    /// Refuses what is so far ahead that nobody should wait for it.
    pub fn check(&self, Asked { segment, part }: Asked) -> Result<(), BadAsk> {
        // At most two segments behind the last whole one, which is the one before `next`.
        let far = segment > self.next.saturating_add(1)
            || segment == self.next
                && part.is_some_and(|part| part >= self.parts.saturating_add(self.part_limit()));
        if far && !self.ended {
            return Err(BadAsk::TooFar {
                asked: segment,
                next: self.next,
            });
        }
        Ok(())
    }

    /// How long a request may be held.
    pub fn patience(&self) -> Duration {
        self.target.min(LONGEST_TARGET) * 3
    }

    /// How many parts ahead a player may ask, the Advance Part Limit.
    fn part_limit(&self) -> u64 {
        match self.part_target.map(|target| target.as_millis()) {
            Some(millis @ 1..1000) => u64::try_from(3000_u128.div_ceil(millis)).unwrap_or(3),
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments up to 9 are whole, of the last one 8 parts are listed; 3 parts of segment 10 are there.
    const PROGRESS: Progress = Progress {
        next: 10,
        parts: 3,
        parts_before: 8,
        target: Duration::from_secs(2),
        part_target: Some(Duration::from_millis(250)),
        blocks: true,
        ended: false,
    };

    fn asked(segment: u64, part: impl Into<Option<u64>>) -> Asked {
        Asked {
            segment,
            part: part.into(),
        }
    }

    #[test]
    fn a_playlist_holds_what_it_lists_and_everything_before() {
        for held in [
            asked(0, None),
            asked(9, None),
            asked(9, 7),
            asked(3, 99),
            asked(10, 0),
            asked(10, 2),
        ] {
            assert!(PROGRESS.holds(held), "{held:?}");
        }
        for awaited in [asked(10, None), asked(10, 3), asked(11, None), asked(11, 0)] {
            assert!(!PROGRESS.holds(awaited), "{awaited:?}");
            assert_eq!(PROGRESS.check(awaited), Ok(()));
        }
    }

    #[test]
    fn a_part_behind_the_last_of_its_segment_is_the_first_of_the_next() {
        let begun = Progress { parts: 1, ..PROGRESS };
        let just_cut = Progress { parts: 0, ..PROGRESS };
        assert!(begun.holds(asked(9, 8)));
        assert!(!just_cut.holds(asked(9, 8)));
        assert!(just_cut.holds(asked(9, 7)));
        let no_parts = Progress {
            parts_before: 0,
            ..just_cut
        };
        assert!(
            no_parts.holds(asked(9, 8)),
            "nobody knows how many parts there were"
        );
    }

    #[test]
    fn who_asks_too_far_ahead_is_not_kept_waiting() {
        for far in [
            asked(12, None),
            asked(12, 0),
            asked(10, 15),
            asked(u64::MAX, u64::MAX),
        ] {
            assert!(PROGRESS.check(far).is_err(), "{far:?}");
        }
        for near in [asked(11, None), asked(11, 5), asked(10, 14)] {
            assert_eq!(PROGRESS.check(near), Ok(()), "{near:?}");
        }
        let long_parts = Progress {
            part_target: Some(Duration::from_secs(1)),
            ..PROGRESS
        };
        assert_eq!(long_parts.check(asked(10, 5)), Ok(()));
        assert!(long_parts.check(asked(10, 6)).is_err());
    }

    #[test]
    fn a_playlist_that_ended_holds_all_that_will_ever_be() {
        let ended = Progress {
            ended: true,
            ..PROGRESS
        };
        assert!(ended.holds(asked(99, 99)));
        assert_eq!(ended.check(asked(99, 99)), Ok(()));
    }

    #[test]
    fn the_directives_are_numbers() {
        assert_eq!(Asked::read(None, None), Ok(None));
        assert_eq!(Asked::read(Some("7"), None), Ok(Some(asked(7, None))));
        assert_eq!(Asked::read(Some("7"), Some("0")), Ok(Some(asked(7, 0))));
        for (segment, part) in [
            (None, Some("0")),
            (Some("x"), None),
            (Some("1"), Some("-1")),
            (Some(""), None),
        ] {
            assert_eq!(Asked::read(segment, part), Err(BadAsk::Unread));
        }
    }
}
