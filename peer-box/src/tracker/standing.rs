//! Whether viewers are sent here, when that is worth a line in the log. Pure.
//!
//! A tracker lists a box only after it has found it, which takes a moment. So being left out is said when it
//! lasts, and being listed at once.

use std::time::{Duration, Instant};

/// From then on it lasts: a tracker has had time to look.
const LASTS: Duration = Duration::from_secs(5);

/// What a tracker makes of this box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Viewers are sent here.
    Listed,
    /// They are not, for this reason.
    LeftOut(Option<String>),
}

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    said: Option<Word>,
    left_out_since: Option<Instant>,
}

impl Standing {
    /// A tracker answered: what to say about it, if anything.
    pub(super) fn hear(&mut self, now: Instant, listed: bool, why: Option<String>) -> Option<Word> {
        let word = if listed {
            self.left_out_since = None;
            Word::Listed
        } else {
            let since = *self.left_out_since.get_or_insert(now);
            if now.saturating_duration_since(since) < LASTS {
                return None;
            }
            Word::LeftOut(why)
        };
        (self.said.as_ref() != Some(&word)).then(|| {
            self.said = Some(word.clone());
            word
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn being_left_out_is_said_once_and_only_when_it_lasts() {
        let start = Instant::now();
        let mut standing = Standing::default();
        let why = || Some("it has not been found yet".to_owned());
        let mut hear = |after, listed, why| standing.hear(start + Duration::from_secs(after), listed, why);

        assert_eq!(hear(0, false, why()), None);
        assert_eq!(hear(3, true, None), Some(Word::Listed));
        assert_eq!(hear(6, true, None), None);
        assert_eq!(hear(9, false, why()), None);
        assert_eq!(hear(12, false, why()), None);
        assert_eq!(hear(15, false, why()), Some(Word::LeftOut(why())));
        assert_eq!(hear(18, false, why()), None);
        let other = Some("its clock is wrong".to_owned());
        assert_eq!(hear(21, false, other.clone()), Some(Word::LeftOut(other)));
        assert_eq!(hear(24, true, None), Some(Word::Listed));
    }
}
