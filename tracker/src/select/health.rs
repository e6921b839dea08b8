//! What becomes of boxes that are slow, as Envoy does with outliers. Pure.
//!
//! One that is slow is left out. But who is slow may be slow because of too many viewers, or because the network between is,
//! and to leave out many sends their viewers to the others, which become slow in turn. So no more than a share of
//! all is left out, and where most are slow the origin takes viewers over.

use wire::id::BoxId;

/// The largest share of boxes that is left out for slowness.
const MOST: f64 = 0.3;

/// Where fewer than this are healthy the origin's share of viewers rises.
const PANIC: f64 = 0.5;

/// How a box does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    #[default]
    Fine,
    /// It is slow, and chosen all the same: too many others are left out already.
    Slow,
    /// It is left out for slowness.
    LeftOut,
}

impl Health {
    /// How often it is drawn, beside one that does as it should.
    pub(super) fn factor(self) -> f64 {
        match self {
            Self::Fine => 1.0,
            Self::Slow => 0.25,
            Self::LeftOut => 0.0,
        }
    }
}

/// Which of the slow boxes are left out, given how many boxes there are: those that have been slow for longest. With each
/// comes since when it is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tracker keeps few thousand boxes"
)]
pub fn left_out(mut slow: Vec<(u64, BoxId)>, all: usize) -> Vec<BoxId> {
    slow.sort_unstable();
    slow.truncate((all as f64 * MOST) as usize);
    slow.into_iter().map(|(_, id)| id).collect()
}

/// The share of viewers that the origin takes over, by what the healthy boxes weigh among all: none while half are healthy,
/// and all when none is.
pub(super) fn origin_share(healthy: f64, all: f64) -> f64 {
    if all > 0.0 {
        (1.0 - healthy / (all * PANIC)).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::candidate;
    use super::*;

    #[test]
    fn no_more_than_three_of_ten_are_left_out_and_who_was_slow_first_is() {
        let id = |n| candidate(n, 1).id;
        let slow: Vec<_> = (0..8).map(|n| (100 - u64::from(n), id(n))).collect();
        assert_eq!(left_out(slow.clone(), 10), [id(7), id(6), id(5)]);
        assert_eq!(left_out(slow[..2].to_vec(), 10), [id(1), id(0)]);
        assert!(left_out(slow[..1].to_vec(), 3).is_empty(), "one of three is more");
    }

    #[test]
    fn the_origin_takes_over_when_most_are_slow() {
        for (healthy, share) in [(1.0, 0.0), (0.5, 0.0), (0.4, 0.2), (0.25, 0.5), (0.0, 1.0)] {
            assert!(
                (origin_share(healthy * 30.0, 30.0) - share).abs() < 1e-9,
                "{healthy}"
            );
        }
        assert!(origin_share(0.0, 0.0).abs() < 1e-9, "nobody there is nobody slow");
    }
}
