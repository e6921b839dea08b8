//! Which boxes are left out for what they handed on. Pure: time is an argument.
//!
//! A report shows what somebody saw, not who sent it, and names cost nothing. So a box is left out when others in three
//! networks report it within a minute, or when the tracker went to see for itself. It is left out for longer each time.

use std::collections::HashMap;
use std::net::IpAddr;

use wire::id::BoxId;

use crate::clock::SECOND;
use crate::reach::Network;

/// So many networks' word counts as proof.
const NETWORKS: usize = 3;

/// Reports of one box belong together when they come within this.
const TOGETHER: u64 = 60 * SECOND;

/// A box is left out for this long, times how often it was before, up to the longest.
const STEP: u64 = 30 * SECOND;
const LONGEST: u64 = 300 * SECOND;

/// A box that kept to what origins sealed for this long after its return begins anew.
const FORGIVEN: u64 = 600 * SECOND;

/// The most boxes that anything is remembered of.
const MAX_ACCUSED: usize = 4096;

/// What is held against boxes.
#[derive(Debug, Default)]
pub(super) struct Ejections {
    accused: HashMap<BoxId, Accused>,
}

#[derive(Debug, Default)]
struct Accused {
    /// The networks that reported it, and when each did last.
    reports: Vec<(IpAddr, u64)>,
    times: u32,
    /// Until when it is left out; 0 if it never was.
    until: u64,
}

impl Ejections {
    /// A box at `from` reports this one.
    pub(super) fn report(&mut self, id: BoxId, from: IpAddr, now: u64) {
        let Some(accused) = self.accused(id, now) else {
            return;
        };
        if now < accused.until {
            return;
        }
        let network = Network::or_address(from);
        let is_fresh = |at: u64| now.saturating_sub(at) <= TOGETHER;
        accused
            .reports
            .retain(|(other, at)| *other != network && is_fresh(*at));
        accused.reports.push((network, now));
        if accused.reports.len() >= NETWORKS {
            accused.eject(now);
        }
    }

    /// The tracker itself was handed by this box what no origin sealed.
    pub(super) fn found_out(&mut self, id: BoxId, now: u64) {
        if let Some(accused) = self.accused(id, now).filter(|accused| now >= accused.until) {
            accused.eject(now);
        }
    }

    /// Why a box is left out, if it is.
    pub(super) fn why(&self, id: &BoxId, now: u64) -> Option<String> {
        let accused = self.accused.get(id).filter(|accused| now < accused.until)?;
        let seconds = (accused.until - now).div_ceil(SECOND);
        Some(format!(
            "it handed on what no origin sealed, and is left out for {seconds} s more"
        ))
    }

    /// Forgets what is too old to count.
    pub(super) fn forget(&mut self, now: u64) {
        self.accused.retain(|_, accused| !accused.is_forgiven(now));
    }

    fn accused(&mut self, id: BoxId, now: u64) -> Option<&mut Accused> {
        if self.accused.len() >= MAX_ACCUSED && !self.accused.contains_key(&id) {
            self.forget(now);
            if self.accused.len() >= MAX_ACCUSED {
                return None;
            }
        }
        Some(self.accused.entry(id).or_default())
    }
}

impl Accused {
    fn eject(&mut self, now: u64) {
        self.reports.clear();
        if self.until.saturating_add(FORGIVEN) <= now {
            self.times = 0;
        }
        self.times = self.times.saturating_add(1);
        self.until = now + STEP.saturating_mul(self.times.into()).min(LONGEST);
    }

    fn is_forgiven(&self, now: u64) -> bool {
        let is_old = |(_, at): &(IpAddr, u64)| now.saturating_sub(*at) > TOGETHER;
        self.reports.iter().all(is_old) && self.until.saturating_add(FORGIVEN) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    fn reported(from: &[&str]) -> Ejections {
        let mut ejections = Ejections::default();
        for from in from {
            ejections.report(box_id(9), from.parse().unwrap(), NOW);
        }
        ejections
    }

    fn is_out(ejections: &Ejections, now: u64) -> bool {
        ejections.why(&box_id(9), now).is_some()
    }

    #[test]
    fn three_networks_eject_and_two_do_not() {
        let (one, two, three) = ("198.51.100.1", "203.0.113.1", "192.0.2.1");
        assert!(is_out(&reported(&[one, two, three]), NOW));
        assert!(!is_out(&reported(&[one, two, two]), NOW));
        assert!(!is_out(&reported(&[one, two, "203.0.113.200"]), NOW), "one /24");
        let of_one_site = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"];
        assert!(!is_out(&reported(&of_one_site), NOW), "one /48");
        let at_home = ["10.0.0.1", "10.0.0.2", "127.0.0.1"];
        assert!(is_out(&reported(&at_home), NOW), "each of these is one by itself");
    }

    #[test]
    fn what_was_reported_a_minute_ago_counts_no_more() {
        let mut ejections = reported(&["198.51.100.1", "203.0.113.1"]);
        ejections.report(box_id(9), "192.0.2.1".parse().unwrap(), NOW + TOGETHER + 1);
        assert!(!is_out(&ejections, NOW + TOGETHER + 1));
    }

    #[test]
    fn what_is_reported_of_one_is_not_held_against_another() {
        let mut ejections = reported(&["198.51.100.1", "203.0.113.1"]);
        ejections.report(box_id(8), "192.0.2.1".parse().unwrap(), NOW);
        assert!(!is_out(&ejections, NOW));
    }

    #[test]
    fn one_look_ejects_for_longer_each_time_and_then_all_is_forgiven() {
        let mut ejections = Ejections::default();
        let mut now = NOW;
        for seconds in [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300] {
            ejections.found_out(box_id(9), now);
            ejections.found_out(box_id(9), now + 1);
            assert!(is_out(&ejections, now + seconds * SECOND - 1), "{seconds}");
            assert!(!is_out(&ejections, now + seconds * SECOND), "{seconds}");
            now += seconds * SECOND;
        }
        now += FORGIVEN;
        ejections.found_out(box_id(9), now);
        assert!(!is_out(&ejections, now + STEP));
        ejections.forget(now + STEP + FORGIVEN);
        assert!(ejections.accused.is_empty());
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut ejections = Ejections::default();
        for n in 0..u16::MAX {
            let id = crate::select::candidate(n, 1).id;
            ejections.report(id, "192.0.2.1".parse().unwrap(), NOW);
        }
        assert_eq!(ejections.accused.len(), MAX_ACCUSED);
        ejections.report(box_id(9), "192.0.2.1".parse().unwrap(), NOW + TOGETHER + 1);
        assert_eq!(ejections.accused.len(), 1);
    }
}
