//! What media of a channel is there, and what will be in a moment. Pure.

use std::time::Duration;

use wire::id::{Epoch, TrackId};
use wire::presentation::State;

use crate::document::{MediaFile, MediaPath};
use crate::registry::ChannelRecord;

/// Who asks for a segment so many ahead of the newest is held. Players that go on by themselves when a segment does
/// not come would be further ahead after each refusal that they get at once.
const HELD_AHEAD: u32 = 8;

/// How long segments are taken to be while no playlist says it.
const UNKNOWN_TARGET: Duration = Duration::from_secs(3);

/// The longest that an early request is held.
const LONGEST_HOLD: Duration = Duration::from_secs(15);

/// Whether media is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Whoever carries the channel has it, or is just getting it.
    There,
    /// It may be there in a moment.
    Soon,
    /// It is not there, and will not be in a moment.
    Missing(Missing),
}

/// Why media is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nobody knows the epoch.
    #[error("epoch {0} is not known here")]
    Epoch(Epoch),
    /// Its epoch is over.
    #[error("epoch {epoch} ended with segment {newest}")]
    Ended {
        /// The epoch.
        epoch: Epoch,
        /// Its last segment.
        newest: u32,
    },
    /// It is yet to come.
    #[error("this is ahead of segment {newest}, the newest of epoch {epoch}")]
    Ahead {
        /// The epoch.
        epoch: Epoch,
        /// Its newest segment.
        newest: u32,
    },
    /// Its epoch has no such track.
    #[error("epoch {0} has no track {1}")]
    Track(Epoch, TrackId),
    /// There is no such picture.
    #[error("the newest poster of epoch {epoch} is {newest}")]
    Poster {
        /// The epoch.
        epoch: Epoch,
        /// The number of its newest picture, 0 for none.
        newest: u32,
    },
}

/// Whether `path` is there, as far as the channel's `record` tells; `state` is what the channel counts as.
pub fn presence(record: &ChannelRecord, state: State, path: &MediaPath) -> Presence {
    let presentation = &record.presentation;
    let epoch = path.epoch;
    if epoch != presentation.epoch {
        let past = record.heard.past.iter().find(|past| past.epoch == epoch);
        let Some(past) = past else {
            return Presence::Missing(Missing::Epoch(epoch));
        };
        // Its last segment may have been cut short after it was last heard of.
        let newest = past.newest.saturating_add(1);
        return match path.file {
            MediaFile::Segment(number) | MediaFile::Part(number) if number > newest => {
                Presence::Missing(Missing::Ended { epoch, newest })
            }
            _ => Presence::There,
        };
    }
    let mut tracks = presentation.tracks.iter();
    let is_known = path.track.is_poster() || tracks.any(|known| known.track == path.track);
    if !is_known && !presentation.tracks.is_empty() {
        return Presence::Missing(Missing::Track(epoch, path.track));
    }
    let newest = presentation.newest;
    // Parts are of the segment in the making, and whoever has them keeps an early request for a moment.
    let there = match path.file {
        MediaFile::Init => return Presence::There,
        MediaFile::Poster(number) if number <= presentation.poster => return Presence::There,
        MediaFile::Poster(_) => {
            let newest = presentation.poster;
            return Presence::Missing(Missing::Poster { epoch, newest });
        }
        MediaFile::Segment(number) => number,
        MediaFile::Part(number) => number.saturating_sub(1),
    };
    match there.saturating_sub(newest) {
        0 => Presence::There,
        _ if state == State::Ended => Presence::Missing(Missing::Ended { epoch, newest }),
        1..=HELD_AHEAD => Presence::Soon,
        _ => Presence::Missing(Missing::Ahead { epoch, newest }),
    }
}

/// How long an early request for media of the channel is held: longer than a segment, so that who asks
/// for one after the other falls back to where there is something.
pub fn patience(record: &ChannelRecord) -> Duration {
    let targets = record.documents.progress().map(|progress| progress.target);
    (targets.max().unwrap_or(UNKNOWN_TARGET) * 3 / 2).min(LONGEST_HOLD)
}

/// The segment that a box must have, or be near, to be asked for `path`.
pub fn segment(path: &MediaPath) -> (Epoch, u32) {
    let number = match path.file {
        MediaFile::Init | MediaFile::Poster(_) => 0,
        MediaFile::Segment(number) | MediaFile::Part(number) => number,
    };
    (path.epoch, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Past;
    use crate::testing::{NOW, channel_record, presentation};

    fn record(newest: u32) -> ChannelRecord {
        let mut presentation = presentation(1, NOW);
        (presentation.newest, presentation.poster) = (newest, 3);
        let mut record = ChannelRecord::clone(&channel_record(1, presentation));
        let past = [(NOW - 10, 7), (NOW - 20, 0)];
        let past = past.map(|(epoch, newest)| Past {
            epoch: Epoch(epoch),
            newest,
        });
        record.heard.past = past.into();
        record
    }

    fn find(newest: u32, state: State, epoch: u64, file: &str) -> Presence {
        let path = format!("{epoch}/{file}").parse().unwrap();
        presence(&record(newest), state, &path)
    }

    #[test]
    fn what_is_there_is_there_and_the_next_is_there_soon() {
        let now = |file| find(5, State::Live, NOW, file);
        for file in [
            "v0/init.m4v",
            "v0/1.m4v",
            "a0/5.m4a",
            "v0/6.0.m4v",
            "v0/6.7.m4v",
            "poster/3.jpg",
        ] {
            assert_eq!(now(file), Presence::There, "{file}");
        }
        for file in ["v0/6.m4v", "a0/13.m4a", "v0/7.0.m4v"] {
            assert_eq!(now(file), Presence::Soon, "{file}");
        }
        for file in ["v0/14.m4v", "v0/15.0.m4v", "v0/4294967295.m4v"] {
            let epoch = Epoch(NOW);
            let ahead = Missing::Ahead { epoch, newest: 5 };
            assert_eq!(now(file), Presence::Missing(ahead), "{file}");
        }
        let poster = now("poster/4.jpg");
        assert!(
            matches!(poster, Presence::Missing(Missing::Poster { newest: 3, .. })),
            "{poster:?}"
        );
    }

    #[test]
    fn the_first_segment_of_an_epoch_is_awaited() {
        assert_eq!(find(0, State::Live, NOW, "v0/1.m4v"), Presence::Soon);
        assert_eq!(find(0, State::Live, NOW, "v0/1.0.m4v"), Presence::There);
    }

    #[test]
    fn nothing_comes_after_the_end() {
        let ended = |file| find(5, State::Ended, NOW, file);
        assert_eq!(ended("v0/5.m4v"), Presence::There);
        assert!(matches!(
            ended("v0/6.m4v"),
            Presence::Missing(Missing::Ended { newest: 5, .. })
        ));
    }

    #[test]
    fn epochs_that_were_followed_are_there_up_to_their_end() {
        let past = |epoch, file| find(5, State::Live, epoch, file);
        assert_eq!(past(NOW - 10, "v0/8.m4v"), Presence::There);
        assert_eq!(past(NOW - 20, "v0/init.m4v"), Presence::There);
        let over = past(NOW - 10, "v0/9.m4v");
        assert!(
            matches!(over, Presence::Missing(Missing::Ended { newest: 8, .. })),
            "{over:?}"
        );
        for unknown in [NOW - 30, NOW + 1] {
            let missing = Missing::Epoch(Epoch(unknown));
            assert_eq!(past(unknown, "v0/1.m4v"), Presence::Missing(missing));
        }
    }

    #[test]
    fn a_box_is_as_far_behind_as_there_are_segments_between() {
        let record = record(5);
        let behind = |has: (u64, u32), wanted: (u64, u32)| {
            record.behind((Epoch(has.0), has.1), (Epoch(wanted.0), wanted.1))
        };
        assert_eq!(behind((NOW, 3), (NOW, 5)), Some(2));
        assert_eq!(behind((NOW, 9), (NOW, 5)), Some(0));
        assert_eq!(behind((NOW, 0), (NOW - 10, 7)), Some(0), "it has gone on");
        assert_eq!(behind((NOW - 10, 6), (NOW, 5)), Some(6));
        assert_eq!(behind((NOW - 20, 0), (NOW, 2)), Some(9));
        assert_eq!(behind((NOW - 30, 9), (NOW, 5)), None, "nobody knows that epoch");
    }
}
