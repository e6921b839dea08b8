//! How long a request for what is not here is held: pure.
//!
//! Players ask early: for the segment behind the newest one, and in low latency for the next part, which a playlist
//! has hinted at. What is next will be here soon, so who asks for it waits: some players that hear 404 leave the segment
//! out. What is further ahead nobody can promise; what should be here already may be on its way from a neighbour.

use std::time::Duration;

use wire::chunk::ChunkRecord;

use super::name::Piece;

/// How long a request for what is about to be made is held: a chunk's time, and what it may take from box to box. What the newest
/// chunk lasts tells nothing of the next: the last of a segment may be short.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Parts ahead of the newest chunk that are waited for: a box's newest may be a little behind the playlist's.
const PARTS_AHEAD: u16 = 3;

/// Whether to wait for what is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is about to be made.
    Soon,
    /// It has been made: as long as a neighbour's promise of it is good for.
    Promised,
    /// It is too far ahead, or will never be.
    Never,
}

impl Hold {
    /// For that piece of segment `number`, where `newest` is the newest chunk of its track.
    pub(super) fn of(number: u32, piece: Piece, newest: Option<&ChunkRecord>) -> Self {
        let Some(newest) = newest else {
            return Self::Promised;
        };
        match piece {
            Piece::Whole => Self::of_segment(number, newest),
            Piece::Part(index) => Self::of_part(number, index, newest),
            // Nobody knows when the next poster comes.
            Piece::Picture | Piece::Seal => Self::Promised,
        }
    }

    fn of_segment(number: u32, newest: &ChunkRecord) -> Self {
        match number.checked_sub(newest.id.segment) {
            None | Some(0) => Self::Promised,
            Some(1) => Self::Soon,
            Some(_) => Self::Never,
        }
    }

    fn of_part(number: u32, index: u16, newest: &ChunkRecord) -> Self {
        let id = &newest.id;
        if (id.segment, id.index) >= (number, index) {
            return Self::Promised;
        }
        let ahead = match number - id.segment {
            0 if newest.last => return Self::Never,
            0 => index - id.index,
            1 if newest.last => index.saturating_add(1),
            // At least one more of the newest segment comes first.
            1 => index.saturating_add(2),
            _ => return Self::Never,
        };
        if ahead <= PARTS_AHEAD {
            Self::Soon
        } else {
            Self::Never
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::samples::{CHUNKS, chunk, video};

    fn newest(number: u32, index: u16) -> ChunkRecord {
        chunk(video(number).chunk(index)).record().clone()
    }

    fn part(number: u32, index: u16, newest: &ChunkRecord) -> Hold {
        Hold::of(number, Piece::Part(index), Some(newest))
    }

    #[test]
    fn the_next_parts_are_waited_for() {
        let first = newest(5, 0);
        for (number, index) in [(5, 1), (5, 2), (5, 3), (6, 0), (6, 1)] {
            assert_eq!(part(number, index, &first), Hold::Soon, "{number}.{index}");
        }
        for (number, index) in [(5, 4), (6, 2), (7, 0)] {
            assert_eq!(part(number, index, &first), Hold::Never, "{number}.{index}");
        }

        let last = newest(5, CHUNKS - 1);
        for (number, index) in [(6, 0), (6, 1), (6, 2)] {
            assert_eq!(part(number, index, &last), Hold::Soon, "{number}.{index}");
        }
        assert_eq!(part(5, CHUNKS, &last), Hold::Never, "the segment is whole");
        for (number, index) in [(6, 3), (6, u16::MAX), (7, 0), (u32::MAX, u16::MAX)] {
            assert_eq!(part(number, index, &last), Hold::Never, "{number}.{index}");
        }
    }

    #[test]
    fn what_should_be_here_is_waited_for_where_a_neighbour_has_it() {
        let newest = newest(5, 2);
        for (number, index) in [(5, 2), (5, 1), (4, 9), (1, 0)] {
            assert_eq!(part(number, index, &newest), Hold::Promised, "{number}.{index}");
        }
        assert_eq!(Hold::of(5, Piece::Whole, Some(&newest)), Hold::Promised);
        assert_eq!(Hold::of(5, Piece::Part(0), None), Hold::Promised);
        assert_eq!(Hold::of(5, Piece::Whole, None), Hold::Promised);
        assert_eq!(Hold::of(6, Piece::Picture, Some(&newest)), Hold::Promised);
    }

    #[test]
    fn the_next_segment_is_waited_for_and_none_behind_it() {
        let newest = newest(5, 1);
        let of = |number| Hold::of(number, Piece::Whole, Some(&newest));
        assert_eq!(of(6), Hold::Soon);
        assert_eq!(of(7), Hold::Never);
    }
}
