//! The tracker's clock, in milliseconds since 1970: an argument of every decision.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Milliseconds in a second.
pub const SECOND: u64 = 1000;

/// Where the time comes from: the machine, or a test that turns the hands itself.
#[derive(Clone)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until somebody moves `hands`.
    pub fn turned_by(hands: Arc<AtomicU64>) -> Self {
        Self(Some(hands))
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> u64 {
        match &self.0 {
            Some(hands) => hands.load(Ordering::Relaxed),
            None => program::lifecycle::now_ms(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Clock({})", self.now())
    }
}

/// A moment as ISO 8601 writes it, with milliseconds, in UTC.
pub fn iso8601(millis: u64) -> String {
    program::clock::date_time_ms(Duration::from_millis(millis))
}
