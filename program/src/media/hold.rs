//! How long a request for what is not here is held: pure.
//!
//! Players ask early: for the segment behind the newest one, and in low latency for the next part, which a playlist
//! has hinted at. What is next will be here within about a chunk's time, so who asks for it waits. What is further ahead
//! nobody can promise; what should be here already may be on its way from a neighbour.

use std::time::Duration;

use wire::chunk::ChunkRecord;

use super::name::Piece;

/// Bounds on how long a request is held; between them it is as long as the track's chunks.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// How much later than a chunk's time the next one may come.
const SLACK: Duration = Duration::from_millis(250);

/// Parts ahead of the newest chunk that are waited for: a box's newest may be a little behind the playlist's.
const PARTS_AHEAD: u16 = 3;

/// Whether to wait for what is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is about to be made.
    For(Duration),
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
        if newest.id.segment >= number {
            Self::Promised
        } else if newest.id.segment + 1 == number {
            Self::For(lasts(newest).clamp(SHORTEST, LONGEST))
        } else {
            Self::Never
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
            1 if newest.last => index + 1,
            // At least one more of the newest segment comes first.
            1 => index + 2,
            _ => return Self::Never,
        };
        if ahead > PARTS_AHEAD {
            return Self::Never;
        }
        let wait = lasts(newest) * u32::from(ahead) + SLACK;
        Self::For(wait.clamp(SHORTEST, LONGEST))
    }
}

fn lasts(chunk: &ChunkRecord) -> Duration {
    Duration::from_secs(chunk.duration.into()) / chunk.timescale.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::samples::{CHUNKS, chunk, facts, sealed, video};

    /// A chunk of a quarter of a second.
    fn quarter(number: u32, index: u16) -> ChunkRecord {
        let mut facts = facts(video(number).chunk(index));
        facts.duration /= 2;
        sealed(facts, b"").record().clone()
    }

    fn part(number: u32, index: u16, newest: &ChunkRecord) -> Hold {
        Hold::of(number, Piece::Part(index), Some(newest))
    }

    #[test]
    fn the_next_parts_are_waited_for_as_long_as_they_take() {
        let ms = |ms| Hold::For(Duration::from_millis(ms));
        let newest = quarter(5, 0);
        assert_eq!(part(5, 1, &newest), ms(500));
        assert_eq!(part(5, 2, &newest), ms(750));
        assert_eq!(part(5, 3, &newest), ms(1000));
        assert_eq!(part(5, 4, &newest), Hold::Never);
        assert_eq!(part(6, 0, &newest), ms(750), "one more at least comes before it");

        let last = quarter(5, CHUNKS - 1);
        assert_eq!(part(6, 0, &last), ms(500));
        assert_eq!(part(6, 2, &last), ms(1000));
        assert_eq!(part(5, CHUNKS, &last), Hold::Never, "the segment is whole");
        assert_eq!(part(7, 0, &last), Hold::Never);
        assert_eq!(part(u32::MAX, u16::MAX, &last), Hold::Never);
    }

    #[test]
    fn what_should_be_here_is_waited_for_where_a_neighbour_has_it() {
        let newest = quarter(5, 2);
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
        let newest = chunk(video(5).chunk(1));
        let of = |number| Hold::of(number, Piece::Whole, Some(newest.record()));
        assert_eq!(of(6), Hold::For(Duration::from_millis(500)));
        assert_eq!(of(7), Hold::Never);
    }
}
