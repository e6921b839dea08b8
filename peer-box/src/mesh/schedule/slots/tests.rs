use wire::key::SecretKey;

use super::super::simulation::id_of;
use super::*;

const EDGE: Worth = Worth {
    is_past: false,
    only_takes: false,
    copies: 0,
};

const PAST: Worth = Worth {
    is_past: true,
    only_takes: false,
    copies: 0,
};

fn neighbour(number: u8) -> BoxId {
    BoxId::of(&SecretKey::from_seed([number; 32]).public())
}

fn want(slots: &mut Slots, now: Instant, by: u8, chunk: u32) -> Turn {
    slots.want(now, neighbour(by), &id_of(chunk), EDGE)
}

/// As many as may wait.
fn crowd(slots: &mut Slots, now: Instant, worth: Worth) {
    for by in 0..WAITING {
        let by = neighbour(100 + u8::try_from(by).unwrap());
        assert_eq!(slots.want(now, by, &id_of(0), worth), Turn::Wait);
    }
}

#[test]
fn who_waits_is_served_as_soon_as_the_slot_is_free() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    assert_eq!(want(&mut slots, now, 1, 0), Turn::Now);
    assert_eq!(want(&mut slots, now, 2, 0), Turn::Wait);
    for other in 3..=WAITING + 1 {
        assert_eq!(want(&mut slots, now, other.try_into().unwrap(), 0), Turn::Wait);
    }
    assert_eq!(
        want(&mut slots, now, 100, 0),
        Turn::Busy,
        "so many wait for each slot"
    );
    slots.free(neighbour(2), &id_of(0));
    assert_eq!(slots.next(now), None, "only its taker frees a slot");
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(2), id_of(0))));
    assert_eq!(slots.next(now), None);
}

#[test]
fn who_is_served_elsewhere_waits_no_more() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    want(&mut slots, now, 2, 0);
    slots.unused(neighbour(2), &id_of(0));
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), None);
}

#[test]
fn who_does_not_take_what_it_waited_for_lets_others_go_first() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    slots.lose_of(now, neighbour(1), &id_of(0));
    assert_eq!(want(&mut slots, now, 1, 0), Turn::Busy);
    assert_eq!(want(&mut slots, now, 2, 0), Turn::Now);
}

#[test]
fn once_the_last_part_has_left_one_more_begins() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    want(&mut slots, now, 2, 0);
    slots.left(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(2), id_of(0))));
    slots.left(neighbour(2), &id_of(0));
    assert_eq!(
        want(&mut slots, now, 3, 0),
        Turn::Wait,
        "nobody has said that anything came"
    );
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(3), id_of(0))));
}

#[test]
fn what_is_worth_more_than_all_that_is_sent_overtakes_it() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    let copied = Worth { copies: 1, ..EDGE };
    assert_eq!(slots.want(now, neighbour(1), &id_of(0), copied), Turn::Now);
    assert_eq!(slots.want(now, neighbour(2), &id_of(0), copied), Turn::Wait);
    assert_eq!(want(&mut slots, now, 3, 1), Turn::Now);
    assert_eq!(
        want(&mut slots, now, 4, 1),
        Turn::Wait,
        "it is worth no more than the last"
    );
    assert_eq!(slots.next(now), None, "the others wait");
}

#[test]
fn who_waits_for_long_is_told_to_go_elsewhere() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    want(&mut slots, now, 2, 0);
    let late = slots.wakes_at().expect("somebody waits");
    assert_eq!(late, now + LONGEST_WAIT);
    assert_eq!(slots.next(late), Some(Over::Refused(neighbour(2), id_of(0))));
    assert_eq!((slots.next(late), slots.wakes_at()), (None, None));
}

#[test]
fn who_only_takes_makes_room_for_who_hands_on() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    let takes = Worth {
        only_takes: true,
        copies: 0,
        ..EDGE
    };
    let gives = Worth { copies: 9, ..EDGE };
    want(&mut slots, now, 1, 0);
    crowd(&mut slots, now, takes);
    assert_eq!(slots.want(now, neighbour(3), &id_of(0), gives), Turn::Wait);
    assert!(matches!(slots.next(now), Some(Over::Refused(..))));
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(3), id_of(0))));
}

#[test]
fn the_past_makes_room_for_the_edge() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    crowd(&mut slots, now, PAST);
    assert_eq!(slots.want(now, neighbour(3), &id_of(0), PAST), Turn::Busy);
    assert_eq!(slots.want(now, neighbour(4), &id_of(0), EDGE), Turn::Wait);
    assert!(matches!(slots.next(now), Some(Over::Refused(..))));
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(4), id_of(0))));
}

#[test]
fn what_few_have_goes_before_what_many_have() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    let copied = Worth { copies: 2, ..EDGE };
    crowd(&mut slots, now, copied);
    assert_eq!(slots.want(now, neighbour(3), &id_of(0), copied), Turn::Busy);
    assert_eq!(want(&mut slots, now, 4, 1), Turn::Wait);
    assert!(matches!(slots.next(now), Some(Over::Refused(..))));
    slots.free(neighbour(1), &id_of(0));
    assert_eq!(slots.next(now), Some(Over::Served(neighbour(4), id_of(1))));
}

#[test]
fn a_slot_is_free_again_after_three_seconds_of_nothing_and_when_its_taker_leaves() {
    let now = Instant::now();
    let mut slots = Slots::new(1);
    want(&mut slots, now, 1, 0);
    let later = now + Duration::from_secs(3);
    assert_eq!(want(&mut slots, later, 3, 0), Turn::Now);
    assert_eq!(want(&mut slots, later, 2, 0), Turn::Wait);
    slots.free_all_of(neighbour(2));
    slots.free_all_of(neighbour(3));
    assert_eq!(slots.next(later), None, "who left waits no more");
    assert_eq!(want(&mut slots, later, 4, 0), Turn::Now);
    slots.unused(neighbour(4), &id_of(0));
    assert_eq!(want(&mut slots, later, 5, 0), Turn::Now);
}

#[test]
fn who_never_says_done_does_not_hold_the_slot_for_ever() {
    let mut now = Instant::now();
    let mut slots = Slots::new(1);
    let mut waits = Vec::new();
    assert_eq!(want(&mut slots, now, 1, 0), Turn::Now);
    for _ in 0..4 {
        now += LONGEST;
        let lost = now;
        while want(&mut slots, now, 1, 0) != Turn::Now {
            assert_eq!(want(&mut slots, now, 2, 0), Turn::Now);
            slots.free(neighbour(2), &id_of(0));
            now += Duration::from_secs(1);
        }
        waits.push((now - lost).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8]);

    slots.free_all_of(neighbour(1));
    let rests = want(&mut slots, now, 1, 0) == Turn::Busy;
    assert!(rests, "coming back makes nothing good");
}
