//! How often an address may ask for what is not there.
//!
//! Some players count on by themselves when a segment does not come, thousands of times a second. Each
//! address has a number of misses to its credit, which comes back with time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::connections::line;

/// So many misses at once are no harm: several players of a household that start.
const CREDIT: u64 = 100;

/// One comes back in this time, in milliseconds.
const BACK_EVERY: u64 = 100;

/// How many addresses are remembered. Those beyond share what one has.
const MAX_LINES: usize = 4096;

/// Counts the misses of each address, or whatever else is to be bounded.
#[derive(Debug)]
pub struct Misses {
    debts: Mutex<HashMap<IpAddr, Debt>>,
    credit: u64,
    back_every: u64,
}

/// What is not paid back yet: the moment at which it will be, in milliseconds since 1970.
type Debt = u64;

/// It asked too often for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// When it may ask again.
    pub retry_after: Duration,
}

impl Default for Misses {
    fn default() -> Self {
        Self::allowing(CREDIT, BACK_EVERY)
    }
}

impl Misses {
    /// So many at once, and one more in every so many milliseconds.
    pub fn allowing(credit: u64, back_every: u64) -> Self {
        Self {
            debts: Mutex::default(),
            credit,
            back_every,
        }
    }

    /// Notes that something asked for from this address was not there at `now`, in milliseconds since 1970.
    pub fn note(&self, address: IpAddr, now: u64) -> Result<(), TooOften> {
        let mut debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = line(address);
        if debts.len() >= MAX_LINES && !debts.contains_key(&line) {
            debts.retain(|_, until| *until > now);
            if debts.len() >= MAX_LINES {
                line = IpAddr::from([0; 4]);
            }
        }
        // No debt is longer than the credit, so a clock that is set back locks nobody out.
        let longest = now.saturating_add(self.credit.saturating_mul(self.back_every));
        let debt = debts.entry(line).or_default();
        *debt = (*debt).clamp(now, longest);
        let until = debt.saturating_add(self.back_every);
        if until > longest {
            return Err(TooOften {
                retry_after: Duration::from_millis(until - longest),
            });
        }
        *debt = until;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn address(n: u32) -> IpAddr {
        IpAddr::from((0x0A00_0000 + n).to_be_bytes())
    }

    fn allowed(misses: &Misses, n: u32, now: u64) -> u64 {
        let mut count = 0;
        while misses.note(address(n), now).is_ok() {
            count += 1;
        }
        count
    }

    #[test]
    fn a_flood_is_stopped_and_its_credit_comes_back_with_time() {
        let misses = Misses::default();
        assert_eq!(allowed(&misses, 1, NOW), CREDIT);
        assert_eq!(allowed(&misses, 1, NOW + BACK_EVERY - 1), 0);
        assert_eq!(allowed(&misses, 1, NOW + BACK_EVERY), 1);
        assert_eq!(allowed(&misses, 1, NOW + 21 * BACK_EVERY), 20);
        assert_eq!(allowed(&misses, 2, NOW), CREDIT, "another address is another");
        let refused = misses.note(address(2), NOW).unwrap_err();
        assert!(refused.retry_after <= Duration::from_millis(BACK_EVERY));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let misses = Misses::default();
        allowed(&misses, 1, NOW);
        let earlier = NOW - 1_000_000;
        assert_eq!(allowed(&misses, 1, earlier), 0);
        assert_eq!(
            allowed(&misses, 1, earlier + CREDIT * BACK_EVERY),
            CREDIT,
            "as if it had been then"
        );
    }

    #[test]
    fn many_addresses_take_a_bounded_room_and_leave_it() {
        let misses = Misses::default();
        for n in 0..2 * u32::try_from(MAX_LINES).unwrap() {
            let _ = misses.note(address(n), NOW);
        }
        assert!(misses.debts.lock().unwrap().len() <= MAX_LINES + 1);
        let later = NOW + CREDIT * BACK_EVERY;
        assert_eq!(allowed(&misses, 1_000_000, later), CREDIT);
        assert_eq!(misses.debts.lock().unwrap().len(), 1);
    }
}
