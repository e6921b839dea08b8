//! Who leaves when there is no room for all.

use super::*;

fn of(channel: &str, number: u32) -> SegmentName {
    SegmentName {
        channel: channel.parse().unwrap(),
        ..video(number)
    }
}

/// A window with room in memory for so many segments, and not for half of one more.
fn window_of(segments: usize) -> Window {
    let bytes = segment(&of("four", 10))
        .iter()
        .map(super::super::segment::cost)
        .sum::<usize>();
    Window::new(Limits {
        bytes: segments * bytes + bytes / 8,
        ..Limits::default()
    })
}

fn fill(window: &mut Window, channel: &str, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        insert_all(window, segment(&of(channel, number)), after(number));
    }
}

fn numbers(window: &Window, channel: &str) -> Vec<u32> {
    let is_here = |number: &u32| window.segment(&of(channel, *number)).is_some();
    (1..=30).filter(is_here).collect()
}

#[test]
fn bytes_are_bounded_and_the_oldest_of_all_channels_leaves_first() {
    let mut window = window_of(6);
    fill(&mut window, "four", 11..=13);
    fill(&mut window, "five", 12..=14);
    fill(&mut window, "four", 14..=15);

    assert!(window.bytes() <= window.limits.bytes);
    assert_eq!(numbers(&window, "four"), [12, 13, 14, 15]);
    assert_eq!(numbers(&window, "five"), [13, 14]);
    fill(&mut window, "four", 16..=16);
    assert_eq!(numbers(&window, "four"), [13, 14, 15, 16]);
    assert_eq!(
        window.insert(chunk(of("four", 11).chunk(0)), after(16)),
        Err(Refused::Stale)
    );
}

#[test]
fn an_old_chunk_has_no_claim_on_the_room_of_newer_ones() {
    let mut window = window_of(3);
    fill(&mut window, "four", 10..=12);
    assert_eq!(
        window.insert(chunk(of("four", 9).chunk(0)), after(12)),
        Err(Refused::Stale)
    );
    assert_eq!(numbers(&window, "four"), [10, 11, 12]);
}

#[test]
fn what_is_asked_for_least_leaves_first() {
    let mut window = window_of(8);
    fill(&mut window, "four", 11..=14);
    fill(&mut window, "five", 21..=24);
    (0..50).for_each(|_| window.asked(&of("four", 14), after(24)));

    fill(&mut window, "four", 15..=16);
    assert_eq!(numbers(&window, "five"), [23, 24], "newer, and nobody asks");
    assert_eq!(numbers(&window, "four"), [11, 12, 13, 14, 15, 16]);

    // What was asked is forgotten, and then age decides.
    let later = after(24) + Duration::from_mins(8);
    for chunk in segment(&of("five", 25)) {
        window.insert(chunk, later).unwrap();
    }
    assert_eq!(numbers(&window, "four"), [12, 13, 14, 15, 16]);
}

#[test]
fn the_edge_of_no_channel_leaves_however_little_it_is_asked_for() {
    let mut window = window_of(4);
    fill(&mut window, "four", 11..=12);
    fill(&mut window, "five", 11..=12);
    (0..50).for_each(|_| window.asked(&of("four", 12), after(12)));
    fill(&mut window, "four", 13..=20);
    assert_eq!(numbers(&window, "four"), [19, 20]);
    assert_eq!(numbers(&window, "five"), [11, 12]);
    assert_eq!(
        window.insert(chunk(of("six", 20).chunk(0)), after(20)),
        Err(Refused::Full),
        "who comes when all is taken"
    );
    assert!(window.bytes() <= window.limits.bytes);
}

#[test]
fn an_epoch_that_was_followed_has_no_edge() {
    let mut window = window_of(3);
    fill(&mut window, "four", 11..=12);
    let next = |number| SegmentName {
        epoch: Epoch(EPOCH.0 + 60_000),
        ..of("four", number)
    };
    for number in 1..=3 {
        insert_all(&mut window, segment(&next(number)), after(30 + number));
    }
    assert!(numbers(&window, "four").is_empty());
    assert!((1..=3).all(|number| window.segment(&next(number)).is_some()));
}
