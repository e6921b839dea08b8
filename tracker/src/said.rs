//! What the log says once, and then counts: what somebody else can cause as often as he likes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::SECOND;

/// The same is said at most once in this time, in milliseconds.
const EVERY: u64 = 60 * SECOND;

/// What was said, and when. Reasons are words of ours, so there are few.
#[derive(Debug, Default)]
pub struct Said(Mutex<HashMap<&'static str, Last>>);

#[derive(Debug)]
struct Last {
    at: u64,
    unsaid: u64,
}

impl Said {
    /// Whether to say it at `now`; then the number of times that it went without saying since.
    pub fn again(&self, reason: &'static str, now: u64) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = said.get_mut(reason) else {
            said.insert(reason, Last { at: now, unsaid: 0 });
            return Some(0);
        };
        // A clock that was set back does not silence it for longer.
        if (last.at..last.at.saturating_add(EVERY)).contains(&now) {
            last.unsaid += 1;
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;

    #[test]
    fn each_reason_is_said_once_a_minute_with_the_number_of_the_rest() {
        let said = Said::default();
        assert_eq!(said.again("forged", NOW), Some(0));
        for later in 1..=9 {
            assert_eq!(said.again("forged", NOW + later), None);
        }
        assert_eq!(said.again("clock", NOW + 1), Some(0));
        assert_eq!(said.again("forged", NOW + EVERY), Some(9));
        assert_eq!(said.again("forged", NOW + EVERY + 1), None);
        assert_eq!(said.again("forged", NOW), Some(1), "the clock was set back");
    }
}
