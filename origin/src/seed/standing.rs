//! Standing: whether a seed knows who we are.
//!
//! Pure: time is an argument. A hello has to be answered before chunks are sent, and a seed that lost us is greeted
//! again, with all that it gave no receipt for. That costs it a few bytes and us as many chunks as may be under way,
//! so it may lose us only so often.

use std::time::{Duration, Instant};

/// How long a hello may go without its welcome before it is said again.
const HELLO_AGAIN: Duration = Duration::from_secs(1);

/// The time between two hellos at least. Twice that is less than a seed may be silent.
const HELLO_SPACING: Duration = Duration::from_millis(500);

/// How a link stands with its seed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    stage: Stage,
    /// When the last hello was said.
    said: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Hello has to be said.
    #[default]
    Stranger,
    /// It was said.
    Greeting,
    Welcome,
}

impl Standing {
    pub(super) fn is_welcome(self) -> bool {
        self.stage == Stage::Welcome
    }

    /// Whether hello should be said `now`.
    pub(super) fn is_hello_due(self, now: Instant) -> bool {
        let since = |pause| {
            self.said
                .is_none_or(|said| now.saturating_duration_since(said) >= pause)
        };
        match self.stage {
            Stage::Stranger => since(HELLO_SPACING),
            Stage::Greeting => since(HELLO_AGAIN),
            Stage::Welcome => false,
        }
    }

    /// Hello was said `now`.
    pub(super) fn greeted(&mut self, now: Instant) {
        (self.stage, self.said) = (Stage::Greeting, Some(now));
    }

    /// The seed says welcome, which counts once for each hello.
    pub(super) fn welcomed(&mut self) {
        if self.stage == Stage::Greeting {
            self.stage = Stage::Welcome;
        }
    }

    /// The seed does not know us. Whether it did before: each chunk under way is answered so, and a hello may still be
    /// on its way.
    pub(super) fn lost(&mut self) -> bool {
        let was_welcome = self.is_welcome();
        if was_welcome {
            self.stage = Stage::Stranger;
        }
        was_welcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_is_said_until_it_is_answered() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        assert!(standing.is_hello_due(start) && !standing.is_welcome());
        standing.greeted(start);
        assert!(!standing.is_hello_due(start + HELLO_SPACING));
        assert!(standing.is_hello_due(start + HELLO_AGAIN));
        standing.welcomed();
        assert!(standing.is_welcome() && !standing.is_hello_due(start + HELLO_AGAIN));
    }

    #[test]
    fn a_seed_that_loses_us_is_greeted_again_at_once_unless_it_always_does() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        standing.greeted(start);
        standing.welcomed();
        let later = start + Duration::from_mins(1);
        assert!(standing.lost());
        assert!(standing.is_hello_due(later));
        standing.greeted(later);
        standing.welcomed();

        assert!(standing.lost() && !standing.lost());
        assert!(!standing.is_hello_due(later), "not at once again");
        standing.welcomed();
        assert!(!standing.is_welcome(), "nor by a welcome that nobody asked for");
        assert!(standing.is_hello_due(later + HELLO_SPACING));
    }
}
