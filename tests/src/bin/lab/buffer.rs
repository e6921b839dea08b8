//! A player's buffer: media comes in, time takes it out, and when there is none the viewer waits. Pure.

use std::time::{Duration, Instant};

/// What has to be there before the first picture, and after a stall before the next.
const FIRST: Duration = Duration::from_secs(4);
const AGAIN: Duration = Duration::from_secs(1);

/// What the viewer saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How long pictures moved.
    pub(crate) played: Duration,
    /// Interruptions after the first picture.
    pub(crate) stalls: Vec<Duration>,
}

/// A buffer in which media of some length waits to be played.
#[derive(Debug)]
pub(crate) struct Buffer {
    ahead: Duration,
    at: Instant,
    state: State,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Playing,
    Stalled(Instant),
}

impl Buffer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            ahead: Duration::ZERO,
            at: now,
            state: State::Starting,
            seen: Seen::default(),
        }
    }

    /// Media of that length is here.
    pub(crate) fn append(&mut self, now: Instant, length: Duration) {
        self.advance(now);
        self.ahead += length;
        match self.state {
            State::Starting if self.ahead >= FIRST => self.state = State::Playing,
            State::Stalled(since) if self.ahead >= AGAIN => {
                self.seen.stalls.push(now - since);
                self.state = State::Playing;
            }
            _ => {}
        }
    }

    /// How much is there to be played.
    pub(crate) fn ahead(&mut self, now: Instant) -> Duration {
        self.advance(now);
        self.ahead
    }

    /// What was seen up to now; a stall that lasts is one.
    pub(crate) fn end(mut self, now: Instant) -> Seen {
        self.advance(now);
        if let State::Stalled(since) = self.state {
            self.seen.stalls.push(now - since);
        }
        self.seen
    }

    fn advance(&mut self, now: Instant) {
        let (before, empty) = (self.at, self.at + self.ahead);
        self.at = now;
        if self.state != State::Playing {
            return;
        }
        self.ahead = empty.saturating_duration_since(now);
        self.seen.played += now.min(empty).saturating_duration_since(before);
        if empty < now {
            self.state = State::Stalled(empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_viewer_stalls_from_when_the_buffer_is_empty_until_there_is_media_again() {
        let start = Instant::now();
        let mut buffer = Buffer::new(start);
        buffer.append(start, SECOND * 2);
        assert_eq!(
            buffer.ahead(start + SECOND * 9),
            SECOND * 2,
            "nothing plays before there is enough"
        );
        let first = start + SECOND * 10;
        buffer.append(first, SECOND * 2);
        assert_eq!(buffer.ahead(first + SECOND * 3), SECOND);
        buffer.append(first + SECOND * 6, SECOND * 2);
        let seen = buffer.end(first + SECOND * 7);
        assert_eq!(seen.stalls, [SECOND * 2]);
        assert_eq!(seen.played, SECOND * 5);
    }

    #[test]
    fn a_stall_that_lasts_is_one() {
        let start = Instant::now();
        let mut buffer = Buffer::new(start);
        buffer.append(start, SECOND * 4);
        assert_eq!(buffer.end(start + SECOND * 9).stalls, [SECOND * 5]);
    }
}
