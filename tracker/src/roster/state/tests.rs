//! What a tracker knows, and when it stops knowing it.

mod told;

use super::channel::{MAX_LAG_SEGMENTS, PRESENT};
use super::*;
use crate::testing::{self, NOW, box_id, box_record, channel_record, presentation};

const HTTP: &str = "http://0.0.0.0:8090";

fn state() -> State {
    let trusted = [testing::key(1).public()];
    State::new(SessionKey::from_bytes([0; 32]), trusted.into(), false, NOW)
}

fn heard(n: u8, sequence: u64) -> News {
    News::Heard(box_record(n, sequence, HTTP, "127.0.0.1"))
}

fn proved(n: u8) -> News {
    let http = "http://127.0.0.1:8090".parse().unwrap();
    News::Judged(
        box_id(n),
        Arc::new(Verdict {
            http,
            at: NOW,
            refusal: None,
            ports: vec![],
        }),
    )
}

fn presented(sequence: u64, newest: u32) -> News {
    News::Presented(channel_record(
        1,
        wire::presentation::Presentation {
            newest,
            ..presentation(1, sequence)
        },
    ))
}

fn polled(records: &[Arc<BoxRecord>]) -> News {
    let boxes = records.iter().map(|record| (record.id, record.clone())).collect();
    News::Polled(
        Snapshot {
            boxes,
            ..Snapshot::default()
        },
        SessionKey::from_bytes([1; 32]),
    )
}

fn alive(state: &State, now: u64) -> Vec<BoxId> {
    state.view(now).boxes.into_keys().collect()
}

fn carriers(state: &State, now: u64) -> usize {
    state.view(now).channels["demo"].carriers.len()
}

#[test]
fn a_box_is_alive_for_ten_seconds_after_its_last_word() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    assert_eq!(alive(&state, NOW + ALIVE), [box_id(1)]);
    assert!(alive(&state, NOW + ALIVE + 1).is_empty());
}

#[test]
fn a_goodbye_counts_at_once_and_what_was_said_before_does_not_undo_it() {
    let mut state = state();
    let before = box_record(1, NOW, HTTP, "127.0.0.1");
    state.learn(News::Heard(before.clone()), NOW);
    let mut goodbye = testing::announcement(1, NOW + 1, HTTP);
    goodbye.leaving = true;
    state.learn(News::Heard(testing::record_of(1, goodbye, "127.0.0.1")), NOW + 1);
    assert!(alive(&state, NOW + 1).is_empty());
    state.learn(polled(&[before]), NOW + 2);
    assert!(alive(&state, NOW + 2).is_empty());
    state.learn(heard(1, NOW + 3), NOW + 3);
    assert_eq!(alive(&state, NOW + 3), [box_id(1)], "it came back");
}

#[test]
fn coming_and_going_makes_no_room() {
    let far = "198.51.100.7";
    let mut state = state();
    for n in 1..=8 {
        let mut goodbye = testing::announcement(n, NOW + 1, HTTP);
        goodbye.leaving = true;
        let goodbye = testing::record_of(n, goodbye, far);
        state.learn(News::Heard(goodbye.clone()), NOW);
        assert!(!state.boxes.contains_key(&box_id(n)), "it was never here");
        state.learn(News::Heard(box_record(n, NOW, HTTP, far)), NOW);
        state.learn(News::Heard(goodbye), NOW);
    }
    let view = state.view(NOW + 1);
    assert!(view.boxes.is_empty());
    assert!(view.room.admit(box_id(9), far.parse().unwrap()).is_err());
    assert!(
        view.room.admit(box_id(8), far.parse().unwrap()).is_ok(),
        "it comes back"
    );
}

#[test]
fn while_the_registry_is_away_only_boxes_heard_here_can_be_missed() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(polled(&[box_record(2, NOW, HTTP, "127.0.0.1")]), NOW + 1000);
    state.learn(News::Unanswered, NOW + 2000);
    assert_eq!(alive(&state, NOW + 60_000), [box_id(2)]);
    state.learn(heard(1, NOW + 60_000), NOW + 60_000);
    assert_eq!(alive(&state, NOW + 60_000).len(), 2);

    state.learn(polled(&[]), NOW + 60_001);
    assert_eq!(
        alive(&state, NOW + 60_001),
        [box_id(1)],
        "now everybody can be heard again"
    );
}

#[test]
fn an_emptied_registry_takes_no_box_away() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(polled(&[]), NOW + 1000);
    assert_eq!(alive(&state, NOW + 1000), [box_id(1)]);
}

#[test]
fn what_is_too_old_leaves_memory() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(proved(1), NOW);
    state.learn(polled(&[]), NOW + FORGET_BOXES);
    assert!(state.boxes.is_empty() && state.verdicts.is_empty());
}

#[test]
fn what_is_too_old_leaves_memory_while_the_registry_is_away_too() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(proved(1), NOW);
    state.learn(polled(&[box_record(2, NOW, HTTP, "127.0.0.1")]), NOW);
    state.learn(News::Unanswered, NOW + FORGET_BOXES);
    assert_eq!(
        state.boxes.keys().collect::<Vec<_>>(),
        [&box_id(2)],
        "who speaks to others may still be there"
    );
    assert!(state.verdicts.is_empty());
}

#[test]
fn viewers_are_sent_only_to_boxes_that_were_proved_and_carry_the_epoch() {
    let mut state = state();
    state.learn(presented(NOW, 1), NOW);
    state.learn(heard(1, NOW), NOW);
    assert_eq!(carriers(&state, NOW), 0, "not proved yet");
    state.learn(proved(1), NOW);
    assert_eq!(carriers(&state, NOW), 1);

    let mut elsewhere = testing::announcement(1, NOW + 1, HTTP);
    elsewhere.carried[0].epoch = wire::id::Epoch(NOW - 1);
    state.learn(News::Heard(testing::record_of(1, elsewhere, "127.0.0.1")), NOW);
    assert_eq!(carriers(&state, NOW), 0, "another epoch");
}

#[test]
fn a_box_that_moved_has_to_prove_its_address_again() {
    let mut state = state();
    state.learn(presented(NOW, 1), NOW);
    state.learn(heard(1, NOW), NOW);
    state.learn(proved(1), NOW);
    assert_eq!(carriers(&state, NOW), 1);
    state.learn(
        News::Heard(box_record(1, NOW + 1, "http://0.0.0.0:9999", "127.0.0.1")),
        NOW,
    );
    assert_eq!(carriers(&state, NOW), 0);
}

#[test]
fn a_box_that_fell_far_behind_gets_no_viewers() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(proved(1), NOW);
    state.learn(presented(NOW, 1 + MAX_LAG_SEGMENTS), NOW);
    assert_eq!(carriers(&state, NOW), 1);
    state.learn(presented(NOW + 1, 2 + MAX_LAG_SEGMENTS), NOW);
    assert_eq!(carriers(&state, NOW), 0);
}

#[test]
fn a_channel_whose_origin_fell_silent_is_off_air() {
    let mut state = state();
    state.learn(presented(NOW, 1), NOW);
    let live = |now| state.view(now).channels["demo"].live();
    assert!(live(NOW + PRESENT));
    assert!(!live(NOW + PRESENT + 1));
}

#[test]
fn a_channel_of_an_origin_that_is_trusted_elsewhere_only_is_not_taken_over() {
    let mut state = state();
    let mut told = |n| {
        let record = channel_record(n, presentation(n, NOW));
        let channels = [(record.presentation.channel.clone(), record)].into();
        let snapshot = Snapshot {
            channels,
            ..Snapshot::default()
        };
        state.learn(News::Polled(snapshot, SessionKey::from_bytes([1; 32])), NOW);
        state.channels.len()
    };
    assert_eq!(told(2), 0);
    assert_eq!(told(1), 1, "the witness");
}

#[test]
fn a_report_replaces_what_was_counted_since_the_last_one() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    let handed = state.view(NOW).boxes[&box_id(1)].candidate.handed.clone();
    handed.store(5, Ordering::Relaxed);
    state.learn(heard(1, NOW), NOW);
    assert_eq!(handed.load(Ordering::Relaxed), 5, "a replay is no report");
    state.learn(heard(1, NOW + 3000), NOW + 3000);
    assert_eq!(handed.load(Ordering::Relaxed), 0);
}

#[test]
fn a_box_that_was_away_counts_as_new() {
    let mut state = state();
    let age = |state: &State, now| state.view(now).boxes[&box_id(1)].candidate.age;
    state.learn(heard(1, NOW), NOW);
    state.learn(heard(1, NOW + 3000), NOW + 3000);
    assert_eq!(age(&state, NOW + 4000), 4000);
    state.learn(heard(1, NOW + 3001 + ALIVE), NOW + 3001 + ALIVE);
    assert_eq!(age(&state, NOW + 3001 + ALIVE), 0);
}

#[test]
fn a_viewer_takes_one_track_of_each_kind() {
    let mut state = state();
    let mut ladder = presentation(1, NOW);
    let tracks = [
        ("v0", 3_000_000),
        ("v1", 800_000),
        ("a0", 128_000),
        ("a1", 64_000),
    ];
    ladder.tracks = tracks
        .map(|(track, bits_per_second)| wire::presentation::TrackSummary {
            track: track.parse().unwrap(),
            codecs: "x".into(),
            bits_per_second,
        })
        .into();
    state.learn(News::Presented(channel_record(1, ladder)), NOW);
    let view = state.view(NOW);
    assert_eq!(view.channels["demo"].bits_per_viewer(), 3_128_000);
}

#[test]
fn who_waits_for_a_channel_is_woken_by_its_news_alone() {
    let mut state = state();
    state.learn(presented(NOW, 1), NOW);
    let news = state.view(NOW).channels["demo"].news.clone();
    state.learn(heard(1, NOW), NOW);
    state.spread();
    assert!(!news.has_changed().unwrap(), "a box is no news of the channel");
    state.learn(presented(NOW, 2), NOW);
    state.spread();
    assert!(!news.has_changed().unwrap(), "nor is what was known before");
    state.learn(presented(NOW + 1, 2), NOW);
    state.spread();
    assert!(news.has_changed().unwrap());
}

#[test]
fn a_box_of_the_epoch_before_goes_on_with_the_next() {
    let mut state = state();
    state.learn(heard(1, NOW), NOW);
    state.learn(proved(1), NOW);
    let next = |sequence, newest, past: u32| {
        let mut offered = presentation(1, sequence);
        (offered.epoch, offered.newest) = (wire::id::Epoch(NOW + 50), newest);
        let mut record = ChannelRecord::clone(&channel_record(1, offered));
        record.heard.past = vec![crate::registry::Past {
            epoch: wire::id::Epoch(NOW),
            newest: past,
        }];
        News::Presented(Arc::new(record))
    };
    state.learn(next(NOW + 1, 2, 3), NOW);
    assert_eq!(carriers(&state, NOW), 1, "four segments behind");
    state.learn(next(NOW + 2, 8, 3), NOW);
    assert_eq!(carriers(&state, NOW), 0, "ten");
}

#[test]
fn slow_boxes_are_left_out_as_many_as_may_be_and_the_origin_helps_when_they_are_most() {
    let mut state = state();
    state.learn(presented(NOW, 0), NOW);
    for n in 0..10 {
        state.learn(heard(n, NOW), NOW);
        state.learn(proved(n), NOW);
    }
    assert_eq!(carriers(&state, NOW), 10, "the witness");
    let slow = |state: &mut State, n| {
        for _ in 0..3 {
            state.learn(News::Looked(box_id(n), true), NOW + u64::from(n));
        }
    };
    let origin_share = |state: &State| {
        let view = state.view(NOW + 100);
        view.channels["demo"].carriers.origin_share()
    };
    slow(&mut state, 0);
    assert_eq!(carriers(&state, NOW), 9);
    let shown = state.view(NOW + 100).boxes[&box_id(0)].clone();
    assert!(shown.why.is_some_and(|why| why.contains("slow")));
    assert!(!shown.is_ejected, "others may still be told of it");
    for n in 1..5 {
        slow(&mut state, n);
    }
    assert_eq!(carriers(&state, NOW + 100), 7, "three of ten at most");
    assert!(origin_share(&state).abs() < 1e-9, "half are healthy");
    slow(&mut state, 5);
    assert!((origin_share(&state) - 0.2).abs() < 1e-9, "four of ten");
    let later = NOW + 31_000;
    for n in 0..10 {
        state.learn(heard(n, later), later);
    }
    state.learn(presented(later, 0), later);
    assert_eq!(carriers(&state, later), 10, "their time is over");
}
