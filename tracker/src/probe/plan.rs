//! Which box is to be asked for a proof, and when. Pure: time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;

use wire::address::HttpBase;
use wire::id::BoxId;

use crate::clock::SECOND;
use crate::reach::{is_exempt, line};

/// Proofs asked for at a time.
pub(super) const MAX_UNDER_WAY: usize = 32;

/// A proof is asked for again after this long; sooner when a port was closed, which its owner may be about to open.
const PROVE_AGAIN: u64 = 4 * 60 * SECOND;
const TRY_AGAIN: u64 = 30 * SECOND;

/// One line is asked no oftener than this: whoever comes by its address cannot have it flooded.
const APART: u64 = 10 * SECOND;

/// The same for one address and port where no limits per address hold.
const APART_EXEMPT: u64 = SECOND;

/// A box that failed is asked again after this, then after twice as long, and so on to the longest.
const FIRST_PAUSE: u64 = 2 * SECOND;
const LONGEST_PAUSE: u64 = 5 * 60 * SECOND;

/// What was not considered for this long is forgotten.
const FORGET: u64 = 10 * 60 * SECOND;

/// Sweeping looks through everything, and is left for so long.
const SWEEP_AFTER: u64 = 10 * SECOND;

/// Where a box says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) http: HttpBase,
    /// Its other ports.
    pub(super) ports: [u16; 2],
}

/// A proof to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) id: BoxId,
    pub(super) target: Target,
}

/// When a box was last found, and whether all of its ports were open then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: u64,
    pub(super) is_open: bool,
}

impl Found {
    fn is_fresh(self, now: u64) -> bool {
        let good_for = if self.is_open { PROVE_AGAIN } else { TRY_AGAIN };
        now < self.at.saturating_add(good_for)
    }
}

/// What was asked of whom.
#[derive(Debug, Default)]
pub(super) struct Plan {
    boxes: HashMap<BoxId, Asked>,
    /// Places, and until when each is left alone. Port 0 stands for all of a line's.
    targets: HashMap<(IpAddr, u16), u64>,
    allow_private: bool,
    under_way: usize,
    /// When it was last looked through.
    swept: u64,
}

#[derive(Debug)]
struct Asked {
    target: Target,
    under_way: bool,
    failures: u32,
    /// Whether it was ever found to be there.
    proved_once: bool,
    not_before: u64,
    considered: u64,
}

impl Plan {
    /// Nothing asked yet; whether limits hold for private addresses too.
    pub(super) fn new(allow_private: bool) -> Self {
        Self {
            allow_private,
            ..Self::default()
        }
    }

    /// Whether a box just heard of is to be asked now, given when it was last `found` there.
    /// If so, it counts as under way.
    pub(super) fn due(
        &mut self,
        id: BoxId,
        target: Target,
        address: IpAddr,
        found: Option<Found>,
        now: u64,
    ) -> Option<Due> {
        self.sweep(now);
        let (place, apart) = if is_exempt(address, self.allow_private) {
            ((address, target.http.port), APART_EXEMPT)
        } else {
            ((line(address), 0), APART)
        };
        let asked = self
            .boxes
            .entry(id)
            .or_insert_with(|| Asked::new(target.clone(), now));
        asked.considered = now;
        if asked.under_way {
            return None;
        }
        let has_moved = asked.target != target;
        if has_moved {
            *asked = Asked::new(target.clone(), now);
        }
        asked.proved_once |= found.is_some();
        let proved = !has_moved && found.is_some_and(|found| found.is_fresh(now));
        // A proof that another tracker got counts; a failure since then is ours to follow up.
        let rests = if asked.failures == 0 {
            proved
        } else {
            now < asked.not_before
        };
        let crowded = self.targets.get(&place).is_some_and(|until| now < *until);
        if rests || crowded || self.under_way >= MAX_UNDER_WAY {
            return None;
        }
        asked.under_way = true;
        self.under_way += 1;
        self.targets.insert(place, now.saturating_add(apart));
        Some(Due { id, target })
    }

    /// Takes in what came of it. Returns whether it is worth telling: a box that was proved before
    /// may fail once.
    pub(super) fn settled(&mut self, due: &Due, proved: bool, now: u64) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(asked) = self.boxes.get_mut(&due.id) else {
            return proved;
        };
        asked.under_way = false;
        if proved {
            asked.failures = 0;
            asked.proved_once = true;
            return true;
        }
        asked.failures = asked.failures.saturating_add(1);
        let pause = FIRST_PAUSE << (asked.failures - 1).min(16);
        asked.not_before = now + pause.min(LONGEST_PAUSE);
        !asked.proved_once || asked.failures > 1
    }

    fn sweep(&mut self, now: u64) {
        if now >= self.swept.saturating_add(SWEEP_AFTER) {
            self.swept = now;
            self.boxes
                .retain(|_, asked| asked.under_way || asked.considered.saturating_add(FORGET) > now);
            self.targets.retain(|_, until| *until > now);
        }
    }
}

impl Asked {
    fn new(target: Target, now: u64) -> Self {
        Self {
            target,
            under_way: false,
            failures: 0,
            proved_once: false,
            not_before: 0,
            considered: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::candidate;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const NOW: u64 = 1_790_000_000_000;

    fn target(port: u16) -> Target {
        let http = format!("http://127.0.0.1:{port}").parse().unwrap();
        let ports = [8091, 8092];
        Target { http, ports }
    }

    fn due(plan: &mut Plan, n: u16, port: u16, proved: Option<u64>, now: u64) -> Option<Due> {
        let found = proved.map(|at| Found { at, is_open: true });
        plan.due(candidate(n, 1).id, target(port), HERE, found, now)
    }

    #[test]
    fn a_box_with_a_closed_port_is_tried_sooner() {
        let mut plan = Plan::default();
        let first = due(&mut plan, 1, 80, None, NOW).unwrap();
        assert!(plan.settled(&first, true, NOW));
        let found = Some(Found {
            at: NOW,
            is_open: false,
        });
        let id = candidate(1, 1).id;
        let mut again = |after| plan.due(id, target(80), HERE, found, NOW + after);
        assert_eq!(again(TRY_AGAIN - 1), None);
        assert!(again(TRY_AGAIN).is_some());
    }

    #[test]
    fn a_box_whose_other_port_moved_is_asked_at_once() {
        let mut plan = Plan::default();
        let first = due(&mut plan, 1, 80, None, NOW).unwrap();
        assert!(plan.settled(&first, true, NOW));
        let found = Some(Found {
            at: NOW,
            is_open: true,
        });
        let moved = Target {
            ports: [8091, 9092],
            ..target(80)
        };
        let due = plan.due(candidate(1, 1).id, moved, HERE, found, NOW + APART_EXEMPT);
        assert!(due.is_some());
    }

    #[test]
    fn a_new_box_is_asked_once_and_again_after_some_minutes() {
        let mut plan = Plan::default();
        let first = due(&mut plan, 1, 80, None, NOW).unwrap();
        assert_eq!(due(&mut plan, 1, 80, None, NOW + 3000), None, "under way");
        assert!(plan.settled(&first, true, NOW + 3000));
        let proved = Some(NOW + 3000);
        assert_eq!(due(&mut plan, 1, 80, proved, NOW + 6000), None);
        assert!(due(&mut plan, 1, 80, proved, NOW + 3000 + PROVE_AGAIN).is_some());
    }

    #[test]
    fn a_box_that_moved_is_asked_at_once() {
        let mut plan = Plan::default();
        let first = due(&mut plan, 1, 80, None, NOW).unwrap();
        assert!(plan.settled(&first, true, NOW));
        assert!(due(&mut plan, 1, 81, None, NOW + 1).is_some());
    }

    #[test]
    fn a_box_that_fails_is_asked_more_and_more_seldom() {
        let mut plan = Plan::default();
        let mut now = NOW;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let asked = due(&mut plan, 1, 80, None, now).unwrap();
            assert!(plan.settled(&asked, false, now), "it was never proved");
            let again = (1..).map(|seconds| now + seconds * SECOND);
            let again = again.into_iter().find(|now| {
                let asked = plan.boxes[&candidate(1, 1).id].not_before;
                *now >= asked
            });
            pauses.push(again.unwrap() - now);
            now = again.unwrap();
        }
        assert_eq!(pauses[..3], [2000, 4000, 8000]);
        assert_eq!(pauses[9], LONGEST_PAUSE);
    }

    #[test]
    fn a_proved_box_may_fail_once() {
        let mut plan = Plan::default();
        let asked = due(&mut plan, 1, 80, Some(NOW - PROVE_AGAIN), NOW).unwrap();
        assert!(!plan.settled(&asked, false, NOW), "another tracker had proved it");
        let asked = due(&mut plan, 1, 80, Some(NOW - PROVE_AGAIN), NOW + FIRST_PAUSE).unwrap();
        assert!(plan.settled(&asked, false, NOW));
    }

    #[test]
    fn one_line_is_asked_once_in_ten_seconds_whatever_its_ports() {
        let mut plan = Plan::new(false);
        let mut due = |n, port, address: &str, now| {
            let address = address.parse().unwrap();
            plan.due(candidate(n, 1).id, target(port), address, None, now)
                .is_some()
        };
        assert!(due(1, 80, "2001:db8::1", NOW));
        assert!(!due(2, 81, "2001:db8::2", NOW + APART - 1));
        assert!(due(3, 81, "2001:db8:0:1::2", NOW), "another line");
        assert!(due(2, 81, "2001:db8::2", NOW + APART));
        assert!(due(4, 80, "10.0.0.1", NOW) && !due(5, 81, "10.0.0.1", NOW));
        let mut private = Plan::new(true);
        let home = "10.0.0.1".parse().unwrap();
        for n in [6, 7] {
            assert!(
                private
                    .due(candidate(n, 1).id, target(n), home, None, NOW)
                    .is_some()
            );
        }
    }

    #[test]
    fn many_ids_at_one_address_and_port_are_one_target() {
        let mut plan = Plan::default();
        assert!(due(&mut plan, 1, 80, None, NOW).is_some());
        assert_eq!(due(&mut plan, 2, 80, None, NOW), None);
        assert!(due(&mut plan, 3, 81, None, NOW).is_some());
        assert!(due(&mut plan, 2, 80, None, NOW + APART_EXEMPT).is_some());
    }

    #[test]
    fn what_is_under_way_and_what_is_kept_is_bounded() {
        let mut plan = Plan::default();
        let asked = (0..5000)
            .filter(|n| due(&mut plan, *n, *n + 1, None, NOW).is_some())
            .count();
        assert_eq!(asked, MAX_UNDER_WAY);
        due(&mut plan, 9999, 9999, None, NOW + FORGET);
        assert!(plan.boxes.len() <= MAX_UNDER_WAY + 1);
    }
}
