//! Refused connections: all are counted, the first of them are logged.
//!
//! Whoever guesses keys or talks nonsense does so as fast as it can connect, and the log is on somebody's disk. So
//! each address has a few lines a minute, and so have all together; how many had none is said when the minute is over.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::ended::Ended;
use super::places::neighbourhood;
use crate::counts::Counts;

const MINUTE: Duration = Duration::from_mins(1);
/// Enough to see somebody's settings go wrong in one way after another.
const LINES_PER_ADDRESS: u32 = 4;
const MAX_ADDRESSES: usize = 32;

/// Refused connections, for whoever refuses one. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Refusals {
    counts: Counts,
    lines: Arc<Mutex<Lines>>,
}

impl Refusals {
    pub(super) fn new(counts: Counts) -> Self {
        Self {
            counts,
            lines: Arc::default(),
        }
    }

    /// Counts a connection from `peer` that ended before it published anything, and logs it if there is room.
    pub(super) fn note(&self, peer: IpAddr, ended: &Ended) {
        self.count(ended);
        self.counts.connections_refused.add(1);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Grant { granted, unsaid } = lines.ask(peer, Instant::now());
        drop(lines);
        if unsaid > 0 {
            warn!(unsaid, "more connections were refused in the minute before");
        }
        if granted {
            warn!(reason = %ended, "connection refused");
        } else {
            debug!(reason = %ended, "connection refused");
        }
    }

    /// Counts the end of a connection, if it is one that the publisher should not have come to.
    pub(super) fn count(&self, ended: &Ended) {
        match ended {
            Ended::UnknownKey => self.counts.wrong_keys.add(1),
            Ended::Taken(_) | Ended::Refused(_) | Ended::NoHook | Ended::OverLimit(_) | Ended::Tag(_) => {
                self.counts.publishers_refused.add(1);
            }
            _ => {}
        }
    }
}

/// The lines of a minute.
#[derive(Debug, Default)]
struct Lines {
    began: Option<Instant>,
    by_address: HashMap<IpAddr, u32>,
    unsaid: u64,
}

/// What a refusal has of the log.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// Whether it has a line.
    granted: bool,
    /// How many had none, in a minute that is over.
    unsaid: u64,
}

impl Lines {
    fn ask(&mut self, peer: IpAddr, now: Instant) -> Grant {
        let mut unsaid = 0;
        if self
            .began
            .is_none_or(|began| now.saturating_duration_since(began) >= MINUTE)
        {
            unsaid = std::mem::take(self).unsaid;
            self.began = Some(now);
        }
        let address = neighbourhood(peer);
        let is_full = self.by_address.len() >= MAX_ADDRESSES && !self.by_address.contains_key(&address);
        let granted = !is_full && {
            let lines = self.by_address.entry(address).or_default();
            *lines += 1;
            *lines <= LINES_PER_ADDRESS
        };
        self.unsaid += u64::from(!granted);
        Grant { granted, unsaid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(lines: &mut Lines, address: [u8; 4], now: Instant) -> usize {
        (0..100)
            .filter(|_| lines.ask(address.into(), now).granted)
            .count()
    }

    #[test]
    fn an_address_has_a_few_lines_a_minute_and_the_rest_is_told_as_a_number() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        assert_eq!(granted(&mut lines, [192, 0, 2, 1], now), 4);
        assert_eq!(
            granted(&mut lines, [192, 0, 2, 2], now),
            4,
            "others have their own"
        );
        let next = now + MINUTE;
        let grant = lines.ask([192, 0, 2, 1].into(), next);
        assert_eq!((grant.granted, grant.unsaid), (true, 192));
        assert_eq!(lines.ask([192, 0, 2, 1].into(), next).unsaid, 0, "said once");
    }

    #[test]
    fn many_addresses_do_not_fill_the_log_either() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        let all: usize = (0..=255)
            .map(|host| granted(&mut lines, [192, 0, 2, host], now))
            .sum();
        assert_eq!(all, MAX_ADDRESSES * LINES_PER_ADDRESS as usize);
        assert_eq!(lines.by_address.len(), MAX_ADDRESSES);
    }
}
