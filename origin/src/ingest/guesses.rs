//! Wrong stream keys: who shows a few of them within a minute waits until the minute has passed.
//!
//! While an address waits nothing that it shows is looked at, right or wrong: a guess that is not checked is none.
//! Whoever publishes already is not concerned.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::places::neighbourhood;

/// Enough for somebody who copies a key by hand.
pub(super) const MOST: usize = 5;
const WITHIN: Duration = Duration::from_mins(1);
/// Beyond, the address whose last guess is longest ago is forgotten: who has so many does not need to wait for one.
const MAX_ADDRESSES: usize = 4096;

/// When the last wrong keys came, by address.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<IpAddr, VecDeque<Instant>>);

impl Guesses {
    /// How long `peer` has to wait before a key of it is looked at; `None` if it has not to.
    pub(super) fn wait(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let times = self.0.get(&neighbourhood(peer))?;
        let oldest = times.front().filter(|_| times.len() >= MOST)?;
        let left = WITHIN.saturating_sub(now.saturating_duration_since(*oldest));
        (!left.is_zero()).then_some(left)
    }

    /// Notes a wrong key from `peer`.
    pub(super) fn note(&mut self, peer: IpAddr, now: Instant) {
        let address = neighbourhood(peer);
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&address) {
            self.make_room(now);
        }
        let times = self.0.entry(address).or_default();
        if times.len() >= MOST {
            times.pop_front();
        }
        times.push_back(now);
    }

    fn make_room(&mut self, now: Instant) {
        let last = |times: &VecDeque<Instant>| times.back().copied().unwrap_or(now);
        self.0
            .retain(|_, times| now.saturating_duration_since(last(times)) < WITHIN);
        if self.0.len() >= MAX_ADDRESSES {
            let longest_ago = self.0.iter().min_by_key(|(_, times)| last(times));
            if let Some(address) = longest_ago.map(|(address, _)| *address) {
                self.0.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_five_wrong_keys_an_address_waits_until_the_minute_has_passed() {
        let (mut guesses, start) = (Guesses::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let (tried, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for guess in 0..5 {
            assert_eq!(guesses.wait(tried, after(guess)), None);
            guesses.note(tried, after(guess));
        }
        assert_eq!(guesses.wait(tried, after(10)), Some(Duration::from_secs(50)));
        assert_eq!(guesses.wait(other, after(10)), None);
        assert!(guesses.wait(tried, after(59)).is_some());
        assert_eq!(guesses.wait(tried, after(60)), None);

        guesses.note(tried, after(60));
        assert_eq!(
            guesses.wait(tried, after(60)),
            Some(Duration::from_secs(1)),
            "never more than five within any minute"
        );
    }

    #[test]
    fn a_network_of_ipv6_guesses_as_one() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for host in 0..5 {
            guesses.note(address(&format!("2001:db8::{host}")), now);
        }
        assert!(guesses.wait(address("2001:db8::ffff"), now).is_some());
        assert_eq!(guesses.wait(address("2001:db8:0:1::1"), now), None);
    }

    #[test]
    fn a_million_addresses_take_no_more_memory_than_a_few_thousand() {
        let (mut guesses, start) = (Guesses::default(), Instant::now());
        for host in 0..20_000_u32 {
            guesses.note(IpAddr::from((0x0A00_0000 + host).to_be_bytes()), start);
        }
        assert_eq!(guesses.0.len(), MAX_ADDRESSES);
        let waiting = address("192.0.2.1");
        for _ in 0..5 {
            guesses.note(waiting, start + WITHIN);
        }
        assert_eq!(guesses.0.len(), 1, "those of the minute before are forgotten");
        assert!(guesses.wait(waiting, start + WITHIN).is_some());
    }
}
