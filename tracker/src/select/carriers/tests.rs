use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::candidate;
use super::*;
use crate::geography::Country;
use crate::reach::Network;

const VIEWER: u64 = 4_000_000;

#[test]
fn a_viewer_gets_distinct_boxes_and_no_more_than_there_are() {
    let mut rng = StdRng::seed_from_u64(1);
    for (boxes, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (40, 3)] {
        let carriers = Carriers::new((0..boxes).map(|n| candidate(n, 1)).collect());
        let mut chosen = carriers.choose(&mut rng, &[], 3, VIEWER);
        assert_eq!(chosen.len(), expected);
        chosen.sort();
        chosen.dedup();
        assert_eq!(chosen.len(), expected, "distinct");
    }
}

#[test]
fn a_viewer_keeps_its_boxes_in_order_and_gets_others_for_those_that_vanished() {
    let mut rng = StdRng::seed_from_u64(2);
    let carriers = Carriers::new((0..10).map(|n| candidate(n, 1)).collect());
    let (one, two, gone) = (candidate(7, 1).id, candidate(2, 1).id, candidate(99, 1).id);

    let same = carriers.choose(&mut rng, &[one, two, candidate(4, 1).id], 3, VIEWER);
    assert_eq!(same, [one, two, candidate(4, 1).id]);

    let mended = carriers.choose(&mut rng, &[gone, one, two, one], 3, VIEWER);
    assert_eq!(mended[..2], [one, two]);
    assert_eq!(mended.len(), 3);
    assert!(!mended[2..].iter().any(|id| [gone, one, two].contains(id)));
}

#[test]
fn a_crowd_is_spread_by_uplink_between_two_reports() {
    let mut rng = StdRng::seed_from_u64(3);
    let uplinks = [5, 5, 10, 10, 20, 20, 40, 90];
    let candidates = (0..)
        .zip(uplinks)
        .map(|(n, mbit)| candidate(n, mbit * 1_000_000))
        .collect();
    let carriers = Carriers::new(candidates);
    // 70 % of what all boxes can send: 140 Mbit/s of 200.
    let mut handed: HashMap<BoxId, u64> = HashMap::new();
    for _ in 0..35 {
        *handed
            .entry(carriers.choose(&mut rng, &[], 3, VIEWER)[0])
            .or_default() += 1;
    }
    for candidate in &carriers.candidates {
        let viewers = handed.get(&candidate.id).copied().unwrap_or(0);
        // A viewer more or less is nothing to blame a small box for.
        assert!(
            viewers.saturating_sub(1) * VIEWER <= candidate.uplink,
            "{viewers} viewers on {} bit/s",
            candidate.uplink
        );
    }
}

#[test]
fn a_busy_box_is_left_alone() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut busy = candidate(0, 10_000_000);
    busy.sending = 20_000_000;
    let carriers = Carriers::new(vec![busy, candidate(1, 10_000_000), candidate(2, 10_000_000)]);
    let firsts: Vec<BoxId> = (0..20).map(|_| carriers.choose(&mut rng, &[], 1, 1)[0]).collect();
    let to_busy = firsts.iter().filter(|id| **id == candidate(0, 1).id).count();
    // Only when both draws fall on it.
    assert!(to_busy <= 6, "{to_busy} of 20");
}

#[test]
fn a_box_that_has_only_just_come_gets_few_viewers() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut fresh = candidate(0, 10_000_000);
    fresh.age = 0;
    let carriers = Carriers::new(vec![fresh, candidate(1, 10_000_000)]);
    let draws = (0..1000)
        .filter(|_| {
            carriers
                .draw(&mut rng, &[], &carriers.sums, &Newcomer::default(), |_| true)
                .unwrap()
                .age
                == 0
        })
        .count();
    assert!(
        (40..180).contains(&draws),
        "{draws} of 1000 for a tenth of the weight"
    );
}

#[test]
fn a_box_without_room_keeps_its_viewers_and_gets_no_others() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut full = candidate(0, 1_000_000_000);
    full.room = 0;
    let carriers = Carriers::new(vec![full.clone(), candidate(1, 1), candidate(2, 1)]);
    for _ in 0..50 {
        let chosen = carriers.choose(&mut rng, &[], 3, VIEWER);
        assert_eq!(chosen.len(), 2, "{chosen:?}");
        assert!(!chosen.contains(&full.id));
        assert_ne!(carriers.choose_one(&mut rng, 1, |_| true), Some(full.id));
    }
    let kept = carriers.choose(&mut rng, &[full.id], 3, VIEWER);
    assert_eq!((kept[0], kept.len()), (full.id, 3));

    let alone = Carriers::new(vec![full]);
    assert!(alone.choose(&mut rng, &[], 3, VIEWER).is_empty());
    assert_eq!(alone.choose_one(&mut rng, 1, |_| true), None);
}

#[test]
fn a_box_with_little_room_is_drawn_less_often() {
    let mut rng = StdRng::seed_from_u64(9);
    let mut tight = candidate(0, 10_000_000);
    tight.room = 1;
    let carriers = Carriers::new(vec![tight.clone(), candidate(1, 10_000_000)]);
    let to_tight = (0..1000)
        .filter(|_| {
            carriers
                .draw(&mut rng, &[], &carriers.sums, &Newcomer::default(), |_| true)
                .unwrap()
                .id
                == tight.id
        })
        .count();
    assert!((140..260).contains(&to_tight), "{to_tight} of 1000 for a fifth");
}

#[test]
fn boasting_draws_no_more_viewers_than_a_good_uplink() {
    let mut rng = StdRng::seed_from_u64(7);
    let good = |n| candidate(n, 1_000_000_000);
    let carriers = Carriers::new(vec![candidate(0, u64::MAX), good(1), good(2), good(3)]);
    let boaster = candidate(0, 1).id;
    let taken = (0..400)
        .filter(|_| carriers.choose(&mut rng, &[], 1, VIEWER)[0] == boaster)
        .count();
    assert!((60..140).contains(&taken), "{taken} of 400 for one of four");
}

#[test]
fn boxes_of_one_viewer_are_in_different_networks_while_there_are_any() {
    let mut rng = StdRng::seed_from_u64(6);
    let network = |third: u8| Network::of(std::net::IpAddr::from([198, 51, third, 1]));
    let candidates: Vec<_> = (0..30)
        .map(|n| Candidate {
            network: network(u8::from(n == 29)),
            ..candidate(n, 1)
        })
        .collect();
    let carriers = Carriers::new(candidates);
    for _ in 0..20 {
        let chosen = carriers.choose(&mut rng, &[], 2, VIEWER);
        assert!(chosen.contains(&candidate(29, 1).id), "the one that is elsewhere");
    }
}

#[test]
fn the_origin_takes_over_when_most_are_slow_and_who_is_left_out_gets_nobody() {
    let mut rng = StdRng::seed_from_u64(10);
    let with = |health, n| Candidate {
        health,
        ..candidate(n, 10_000_000)
    };
    let slow = |n| match n {
        0..40 => with(Health::Fine, n),
        40..70 => with(Health::Slow, n),
        _ => with(Health::LeftOut, n),
    };
    let carriers = Carriers::new((0..100).map(slow).collect());
    assert_eq!(carriers.len(), 70);
    let firsts = (0..2000).map(|_| carriers.choose(&mut rng, &[], 3, 1).first().copied());
    let at_origin = firsts.filter(Option::is_none).count();
    assert!((300..500).contains(&at_origin), "{at_origin} of 2000 for a fifth");
    let left_out = candidate(80, 1).id;
    let kept = carriers.choose(&mut rng, &[candidate(1, 1).id, left_out], 3, 1);
    assert!(kept.len() == 3 && !kept.contains(&left_out), "{kept:?}");
    assert_eq!(
        kept[0],
        candidate(1, 1).id,
        "who watches from a box goes on there"
    );

    let few = Carriers::new(
        (0..100)
            .map(|n| if n < 60 { slow(0) } else { slow(99) })
            .collect(),
    );
    assert!(few.origin_share().abs() < 1e-9);
}

#[test]
fn one_viewer_in_twenty_is_sent_to_any_box_that_bears_more() {
    let mut rng = StdRng::seed_from_u64(11);
    let modest = |n| candidate(n, 100_000);
    let carriers = Carriers::new(
        (0..50)
            .map(modest)
            .chain([candidate(50, 1_000_000_000)])
            .collect(),
    );
    let mut at_modest = 0;
    for _ in 0..2000 {
        let chosen = carriers.choose_one(&mut rng, 0, |_| true).unwrap();
        at_modest += usize::from(chosen != candidate(50, 1).id);
    }
    assert!((60..260).contains(&at_modest), "{at_modest} of 2000");
    let full = Carriers::new(vec![candidate(0, VIEWER - 1), candidate(1, 1_000_000_000)]);
    let firsts = (0..400).map(|_| full.choose(&mut rng, &[], 1, VIEWER)[0]);
    assert!(firsts.filter(|id| *id == candidate(0, 1).id).count() < 8);
}

#[test]
fn a_viewer_leaves_a_box_that_is_about_to_fail_unless_there_is_no_other() {
    let mut rng = StdRng::seed_from_u64(21);
    let silent = || Candidate {
        silent: 7_000,
        ..candidate(0, 10_000_000)
    };
    let full = || Candidate {
        sending: 10_000_000,
        room: 0,
        ..candidate(1, 10_000_000)
    };
    let kept = [silent().id, full().id, candidate(2, 1).id];
    let many = Carriers::new(
        [silent(), full()]
            .into_iter()
            .chain((2..9).map(|n| candidate(n, 10_000_000)))
            .collect(),
    );
    let chosen = many.choose(&mut rng, &kept, 3, VIEWER);
    assert_eq!((chosen[0], chosen.len()), (kept[2], 3));
    assert!(!chosen.contains(&kept[0]) && !chosen.contains(&kept[1]));

    let few = Carriers::new(vec![silent(), full(), candidate(2, 10_000_000)]);
    let chosen = few.choose(&mut rng, &kept, 3, VIEWER);
    assert_eq!(
        chosen,
        [kept[2], kept[0], kept[1]],
        "last, and there all the same"
    );
}

#[test]
fn a_full_box_keeps_those_who_need_not_go() {
    let mut rng = StdRng::seed_from_u64(22);
    let full = Candidate {
        sending: 100_000_000,
        room: 0,
        ..candidate(1, 100_000_000)
    };
    let kept = [full.id];
    let carriers = Carriers::new(vec![full, candidate(2, 100_000_000)]);
    let stayed = (0..25).filter(|_| carriers.choose(&mut rng, &kept, 1, VIEWER) == kept);
    assert_eq!(
        stayed.count(),
        23,
        "two viewers of 4 Mbit/s are more than the 5 % that it lacks"
    );
}

#[test]
fn near_boxes_are_preferred_up_to_twice_and_far_ones_serve_as_well() {
    let mut rng = StdRng::seed_from_u64(23);
    let in_country = |n: u16, code: &[u8; 2]| Candidate {
        country: Country::read(code),
        ..candidate(n, 10_000_000)
    };
    let carriers = Carriers::new(
        (0..20)
            .map(|n| in_country(n, if n < 10 { b"PT" } else { b"FI" }))
            .collect(),
    );
    let newcomer = Newcomer {
        country: Country::read(b"PT"),
        ..Newcomer::default()
    };
    let mut near_among = |newcomer: Newcomer| {
        let draws = (0..3000).map(|_| carriers.choose(&mut rng, &[], 1, newcomer)[0]);
        draws.filter(|id| *id < candidate(10, 1).id).count()
    };
    let near = near_among(newcomer);
    assert!((1850..2150).contains(&near), "{near} of 3000");
    let nowhere = near_among(Newcomer::default());
    assert!((1350..1650).contains(&nowhere), "{nowhere} of 3000");

    let abroad = Carriers::new((0..5).map(|n| in_country(n, b"FI")).collect());
    assert_eq!(abroad.choose(&mut rng, &[], 3, newcomer).len(), 3);
}

#[test]
fn a_box_that_boasts_is_believed_no_more_than_was_seen_of_it() {
    let mut rng = StdRng::seed_from_u64(24);
    let boaster = Candidate {
        seen: 0,
        ..candidate(0, 1_000_000_000)
    };
    let others = (1..10).map(|n| candidate(n, 10_000_000));
    let carriers = Carriers::new([boaster].into_iter().chain(others).collect());
    let mut count = |carriers: &Carriers| {
        let draws = (0..1000).map(|_| carriers.choose(&mut rng, &[], 1, 0)[0]);
        draws.filter(|id| *id == candidate(0, 1).id).count()
    };
    let unseen = count(&carriers);
    assert!(unseen < 150, "{unseen} of 1000, one of ten");
    let proved = [candidate(0, 1_000_000_000)].into_iter();
    let proved = Carriers::new(proved.chain((1..10).map(|n| candidate(n, 10_000_000))).collect());
    assert!(count(&proved) > 800, "the witness");
}
