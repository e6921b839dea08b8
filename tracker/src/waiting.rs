//! Requests that are held until there is what they ask for: not for ever, and not any number of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::reach::line;

/// How many requests are held at a time.
const PLACES: usize = 2048;

/// How many of them for one subscriber's line; loopback, where proxies speak from, is exempt.
const PLACES_PER_LINE: usize = 64;

/// The places of requests that are held. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_line: HashMap<IpAddr, usize>,
}

/// The place of one held request; dropping it frees the place.
#[derive(Debug)]
pub struct Place {
    line: IpAddr,
    held: Waiting,
}

impl Waiting {
    /// A place for a request from this address, if there is one.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let line = line(address);
        let mut held = self.held();
        let here = held.by_line.get(&line).copied().unwrap_or(0);
        if held.all >= PLACES || here >= PLACES_PER_LINE && !line.is_loopback() {
            return None;
        }
        held.all += 1;
        held.by_line.insert(line, here + 1);
        drop(held);
        Some(Place {
            line,
            held: self.clone(),
        })
    }

    /// How many requests are held now.
    pub fn count(&self) -> usize {
        self.held().all
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every change is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.held();
        held.all -= 1;
        if let Some(here) = held.by_line.get_mut(&self.line) {
            *here -= 1;
            if *here == 0 {
                held.by_line.remove(&self.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn one_line_cannot_take_the_places_of_all_others() {
        let waiting = Waiting::default();
        let mut places: Vec<_> = (0..PLACES_PER_LINE)
            .map(|_| waiting.enter(FAR).unwrap())
            .collect();
        assert!(waiting.enter(FAR).is_none());
        assert!(waiting.enter("198.51.100.8".parse().unwrap()).is_some());
        places.pop();
        assert!(waiting.enter(FAR).is_some());
    }

    #[test]
    fn there_are_so_many_places_and_each_is_given_back() {
        let waiting = Waiting::default();
        let places: Vec<_> = (0..PLACES).map(|_| waiting.enter(NEAR).unwrap()).collect();
        assert!(waiting.enter(NEAR).is_none() && waiting.enter(FAR).is_none());
        drop(places);
        assert_eq!(waiting.count(), 0);
        assert!(waiting.held().by_line.is_empty(), "nothing is remembered of them");
    }

    #[test]
    fn a_line_of_ipv6_is_one() {
        let waiting = Waiting::default();
        let addresses = (0..=PLACES_PER_LINE).map(|n| format!("2001:db8::{n:x}").parse().unwrap());
        let places: Vec<_> = addresses.filter_map(|address| waiting.enter(address)).collect();
        assert_eq!(places.len(), PLACES_PER_LINE);
    }
}
