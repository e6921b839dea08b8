//! A player's buffer: media comes in, time takes it out, and when there is none the viewer waits. Pure.

use std::time::{Duration, Instant};

/// What has to be there before the first picture, and after a stall before the next.
const ENOUGH: Duration = Duration::from_secs(1);

/// What the viewer saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How long pictures moved.
    pub(crate) played: Duration,
    /// Interruptions after the first picture.
    pub(crate) stalls: Vec<Stall>,
}

/// An interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Stall {
    pub(crate) fn length(&self) -> Duration {
        self.ended - self.began
    }
}

/// A buffer in which media of some length waits to be played. What is not there of one track cannot be played of any.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    /// How much of each track is there to be played.
    ahead: Vec<Duration>,
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
    pub(crate) fn new(tracks: usize, now: Instant) -> Self {
        Self {
            ahead: vec![Duration::ZERO; tracks],
            at: now,
            state: State::Starting,
            seen: Seen::default(),
        }
    }

    /// Media of that length, of one track, is here.
    pub(crate) fn append(&mut self, track: usize, now: Instant, length: Duration) {
        self.advance(now);
        self.ahead[track] += length;
        if self.least() < ENOUGH {
            return;
        }
        if let State::Stalled(began) = self.state {
            self.seen.stalls.push(Stall { began, ended: now });
        }
        self.state = State::Playing;
    }

    /// How long until pictures stand if nothing more comes; for ever before the first.
    pub(crate) fn stands_in(&mut self, now: Instant) -> Duration {
        self.advance(now);
        match self.state {
            State::Starting => Duration::MAX,
            State::Playing => self.least(),
            State::Stalled(_) => Duration::ZERO,
        }
    }

    /// What was seen up to now; a stall that lasts is one.
    pub(crate) fn end(mut self, now: Instant) -> Seen {
        self.advance(now);
        if let State::Stalled(began) = self.state {
            self.seen.stalls.push(Stall { began, ended: now });
        }
        self.seen
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        let before = std::mem::replace(&mut self.at, now);
        if self.state != State::Playing {
            return;
        }
        let plays = passed.min(self.least());
        for ahead in &mut self.ahead {
            *ahead -= plays;
        }
        self.seen.played += plays;
        if plays < passed {
            self.state = State::Stalled(before + plays);
        }
    }

    fn least(&self) -> Duration {
        self.ahead.iter().min().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_viewer_stalls_from_when_the_buffer_is_empty_until_there_is_media_again() {
        let start = Instant::now();
        let mut buffer = Buffer::new(1, start);
        buffer.append(0, start + SECOND * 10, SECOND * 4);
        buffer.append(0, start + SECOND * 16, SECOND * 2);
        let seen = buffer.end(start + SECOND * 17);
        let stall = Stall {
            began: start + SECOND * 14,
            ended: start + SECOND * 16,
        };
        assert_eq!(seen.stalls, [stall]);
        assert_eq!(seen.played, SECOND * 5, "nothing plays before there is enough");
    }

    #[test]
    fn pictures_without_sound_are_not_played() {
        let start = Instant::now();
        let mut buffer = Buffer::new(2, start);
        buffer.append(0, start, SECOND * 6);
        buffer.append(1, start, SECOND * 2);
        buffer.append(1, start + SECOND * 5, SECOND * 2);
        let seen = buffer.end(start + SECOND * 6);
        assert_eq!(
            seen.stalls.iter().map(Stall::length).sum::<Duration>(),
            SECOND * 3
        );
        assert_eq!(seen.played, SECOND * 3);
    }

    #[test]
    fn a_stall_that_lasts_is_one() {
        let start = Instant::now();
        let mut buffer = Buffer::new(1, start);
        buffer.append(0, start, SECOND * 4);
        let stalls = buffer.end(start + SECOND * 9).stalls;
        assert_eq!(stalls.iter().map(Stall::length).collect::<Vec<_>>(), [SECOND * 5]);
    }
}
