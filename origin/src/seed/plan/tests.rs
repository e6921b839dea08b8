//! The promises of the plan.

use wire::id::{Epoch, TrackId};

use super::*;

fn channel() -> ChannelName {
    "demo".parse().unwrap()
}

fn id(number: u8) -> BoxId {
    BoxId::from_bytes([number; 16])
}

fn seed(number: u8) -> Seed {
    Seed {
        id: id(number),
        zmq: format!("tcp://192.0.2.{number}:8091"),
    }
}

fn seeds(numbers: &[u8]) -> Vec<Seed> {
    numbers.iter().map(|number| seed(*number)).collect()
}

fn ids(numbers: &[u8]) -> Vec<BoxId> {
    numbers.iter().map(|number| id(*number)).collect()
}

fn chunk(segment: u32) -> ChunkId {
    ChunkId {
        channel: channel(),
        epoch: Epoch(1),
        track: TrackId::VIDEO,
        segment,
        index: 0,
    }
}

fn plan_of(numbers: &[u8], now: Instant) -> Plan {
    let mut plan = Plan::new(3);
    plan.want(&channel(), &seeds(numbers), now);
    plan
}

#[test]
fn a_chosen_box_is_opened_and_filled_once() {
    let now = Instant::now();
    let mut plan = Plan::new(2);
    let begun = |number| [Change::Open(seed(number)), Change::Fill(id(number), channel())];
    assert_eq!(
        plan.want(&channel(), &seeds(&[1, 2, 3]), now),
        [begun(1), begun(2)].concat()
    );
    assert_eq!(plan.want(&channel(), &seeds(&[2, 1]), now), []);
    assert_eq!(plan.of(&channel()), ids(&[1, 2]));
}

#[test]
fn a_box_that_the_tracker_replaced_is_closed() {
    let now = Instant::now();
    let mut plan = plan_of(&[1, 2, 3], now);
    let changes = plan.want(&channel(), &seeds(&[1, 4, 3]), now);
    assert_eq!(
        changes,
        [
            Change::Open(seed(4)),
            Change::Fill(id(4), channel()),
            Change::Close(id(2))
        ]
    );
}

#[test]
fn a_tracker_that_lost_its_memory_costs_no_seed() {
    let now = Instant::now();
    let mut plan = plan_of(&[1, 2, 3], now);
    assert_eq!(plan.want(&channel(), &[], now), []);
    let changes = plan.want(&channel(), &seeds(&[4]), now);
    assert_eq!(changes.len(), 3, "one comes, one goes: {changes:?}");
    assert_eq!(plan.of(&channel()), ids(&[1, 2, 4]));
}

#[test]
fn a_box_of_two_channels_has_one_link_until_both_let_go() {
    let now = Instant::now();
    let mut plan = Plan::new(1);
    let other: ChannelName = "other".parse().unwrap();
    plan.want(&channel(), &seeds(&[1]), now);
    assert_eq!(
        plan.want(&other, &seeds(&[1]), now),
        [Change::Fill(id(1), other.clone())]
    );
    let changes = plan.want(&channel(), &seeds(&[2]), now);
    assert!(!changes.contains(&Change::Close(id(1))));
    assert!(
        plan.want(&other, &seeds(&[2]), now)
            .contains(&Change::Close(id(1)))
    );
}

#[test]
fn a_box_that_moved_is_opened_anew_and_filled() {
    let now = Instant::now();
    let mut plan = plan_of(&[1], now);
    let moved = Seed {
        zmq: "tcp://198.51.100.1:1".into(),
        ..seed(1)
    };
    let changes = plan.want(&channel(), std::slice::from_ref(&moved), now);
    assert_eq!(changes, [Change::Open(moved), Change::Fill(id(1), channel())]);
}

#[test]
fn a_seed_that_owes_receipts_and_gives_none_is_silent_within_a_segment() {
    let start = Instant::now();
    let mut plan = plan_of(&[1, 2], start);
    let idle = start + Duration::from_mins(1);
    assert_eq!(plan.judge(idle), [], "nothing was sent, so nothing is owed");

    for (step, segment) in (0..5).map(|step| (step * 400, step + 1)) {
        let now = idle + Duration::from_millis(step.into());
        for seed in ids(&[1, 2]) {
            plan.handed(seed, &chunk(segment), now);
        }
        assert_eq!(plan.answered(id(1), &chunk(segment), now), Asked::Yes);
    }
    let now = idle + Duration::from_secs(2);
    assert_eq!(plan.judge(now), [(id(2), Fault::Silent)]);
    assert_eq!(plan.silent(), ids(&[2]));
    assert_eq!(plan.of(&channel()), ids(&[1]));

    assert_eq!(
        plan.want(&channel(), &seeds(&[1, 2]), now),
        [],
        "not again at once"
    );
    assert_eq!(
        plan.want(&channel(), &seeds(&[1, 2]), now + SHUNNED).len(),
        2,
        "then again, for want of a better"
    );
}

#[test]
fn a_seed_that_cannot_keep_up_is_slow() {
    let start = Instant::now();
    let mut plan = plan_of(&[1], start);
    plan.handed(id(1), &chunk(1), start);
    for second in 0..6 {
        let now = start + Duration::from_secs(second);
        plan.handed(id(1), &chunk(10), now);
        assert_eq!(plan.answered(id(1), &chunk(10), now), Asked::Yes);
        assert_eq!(plan.judge(now), []);
    }
    assert_eq!(plan.judge(start + LAG), [(id(1), Fault::Slow)]);
}

#[test]
fn a_seed_that_answers_nonsense_is_given_up_at_once() {
    let now = Instant::now();
    let mut plan = plan_of(&[1, 2], now);
    assert!(plan.distrust(id(1), now));
    assert!(!plan.distrust(id(1), now), "once");
    assert_eq!((plan.of(&channel()), plan.silent()), (ids(&[2]), ids(&[1])));
}

#[test]
fn a_chunk_that_was_dropped_is_not_owed() {
    let start = Instant::now();
    let mut plan = plan_of(&[1], start);
    plan.handed(id(1), &chunk(1), start);
    plan.dropped(id(1), &chunk(1));
    assert_eq!(plan.judge(start + LAG), []);
}

#[test]
fn a_seed_may_refuse_a_channel_at_first_but_not_for_ever() {
    let start = Instant::now();
    let other: ChannelName = "other".parse().unwrap();
    let mut plan = plan_of(&[1, 2, 3], start);
    let end = start + REFUSING;
    for seed in ids(&[1, 2, 3]) {
        plan.refused(seed, &channel(), start);
    }
    plan.received(id(1), &channel());
    plan.received(id(2), &other);
    plan.refused(id(1), &channel(), end);
    plan.refused(id(2), &channel(), end);
    assert_eq!(plan.judge(end), [(id(2), Fault::Refusing)]);
    assert_eq!(
        plan.judge(end + REFUSING),
        [],
        "who refused a stream that ended is no worse for it"
    );
}

#[test]
fn what_a_seed_was_not_asked_counts_for_nothing_and_is_borne_so_long() {
    let start = Instant::now();
    let mut plan = plan_of(&[1], start);
    plan.handed(id(1), &chunk(1), start);
    let late = start + SILENCE;
    for _ in 0..MOST_UNASKED {
        assert_eq!(plan.answered(id(1), &chunk(9), late), Asked::No);
    }
    assert_eq!(plan.answered(id(1), &chunk(9), late), Asked::NeverSoMuch);
    assert_eq!(plan.answered(id(2), &chunk(1), late), Asked::No);
    assert_eq!(plan.judge(late), [(id(1), Fault::Silent)]);
}
