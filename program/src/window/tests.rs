//! The promises of the window.

mod posters;
mod room;

use std::time::{Duration, SystemTime};

use wire::announcement::Carried;
use wire::chunk::{Chunk, Facts};
use wire::id::{ChunkId, Epoch, INIT_SEGMENT, TrackId};

use super::samples::{CHUNK_UNITS, CHUNKS, EPOCH, at, chunk, demo, facts, sealed, segment, video};
use super::{Limits, Refused, SegmentName, Verdict, Window};

const SEGMENT: Duration = Duration::from_secs(2);

/// A moment at which a segment of that number can be there.
fn after(number: u32) -> SystemTime {
    at(SEGMENT * number)
}

fn insert_all(window: &mut Window, chunks: Vec<Chunk>, now: SystemTime) {
    for chunk in chunks {
        assert_eq!(window.insert(chunk, now), Ok(Verdict::New));
    }
}

fn window_with(numbers: std::ops::RangeInclusive<u32>) -> Window {
    let mut window = Window::default();
    for number in numbers {
        insert_all(&mut window, segment(&video(number)), after(number));
    }
    window
}

fn has(window: &Window, number: u32) -> bool {
    window.segment(&video(number)).is_some()
}

#[test]
fn the_last_minute_is_kept_and_the_init_segment_with_it() {
    let window = window_with(0..=100);
    // Segment 100 ends at 200 s; segment 70 at 140 s, just a minute before.
    assert!(!has(&window, 70));
    assert!((71..=100).all(|number| has(&window, number)));
    assert!(has(&window, INIT_SEGMENT));
}

#[test]
fn what_has_left_does_not_come_back() {
    let mut window = window_with(1..=100);
    let old = chunk(video(70).chunk(3));
    assert_eq!(window.judge(old.record(), after(100)), Err(Refused::Stale));
    assert_eq!(window.insert(old, after(100)), Err(Refused::Stale));
}

#[test]
fn what_has_left_does_not_come_back_after_everything_was_evicted() {
    let mut window = window_with(0..=10);
    let much_later = after(10) + Duration::from_mins(11);
    window.expire(much_later);
    assert!(
        (1..=10).all(|number| !has(&window, number)),
        "the channel is off the air"
    );
    assert!(has(&window, INIT_SEGMENT));
    for number in 1..=10 {
        assert_eq!(
            window.insert(chunk(video(number).chunk(0)), much_later),
            Err(Refused::Stale)
        );
    }
    assert_eq!(
        window.insert(chunk(video(11).chunk(0)), much_later),
        Ok(Verdict::New),
        "it goes on"
    );
}

#[test]
fn a_name_keeps_its_first_bytes() {
    let mut window = window_with(0..=3);
    let other = |id: ChunkId| sealed(facts(id), b"other");
    for number in [INIT_SEGMENT, 3] {
        let id = video(number).chunk(0);
        assert_eq!(window.insert(other(id.clone()), after(3)), Err(Refused::Conflict));
        assert_eq!(window.insert(chunk(id.clone()), after(3)), Ok(Verdict::Duplicate));
        let kept = window.chunk(&id).unwrap().chunk().unwrap();
        assert_eq!(kept.bytes(), chunk(id).bytes());
    }
}

#[test]
fn a_segment_ends_once_and_nothing_is_behind_its_end() {
    let mut window = window_with(1..=1);
    let behind = video(1).chunk(CHUNKS);
    assert_eq!(window.insert(chunk(behind), after(1)), Err(Refused::Conflict));

    let early_end = Facts {
        last: true,
        ..facts(video(2).chunk(1))
    };
    insert_all(&mut window, vec![chunk(video(2).chunk(2))], after(2));
    assert_eq!(
        window.insert(sealed(early_end, b""), after(2)),
        Err(Refused::Conflict)
    );
}

#[test]
fn a_segment_is_told_as_far_as_it_goes_without_a_gap() {
    let mut window = Window::default();
    let chunks = segment(&video(1));
    let mut here = |index: usize| {
        window.insert(chunks[index].clone(), after(1)).unwrap();
        let segment = window.segment(&video(1)).unwrap();
        (segment.chunks().len(), segment.is_whole())
    };
    assert_eq!(here(1), (0, false));
    assert_eq!(here(0), (2, false));
    assert_eq!(here(3), (2, false));
    assert_eq!(here(2), (4, true));
}

#[test]
fn the_previous_epoch_stays_until_its_minute_has_passed() {
    let mut window = window_with(0..=5);
    let next = Epoch(EPOCH.0 + 20_000);
    let of_next = |number| SegmentName {
        epoch: next,
        ..video(number)
    };
    let began = at(Duration::from_secs(20));
    insert_all(&mut window, segment(&of_next(1)), began);

    assert_eq!(
        window.insert(chunk(video(6).chunk(0)), began),
        Ok(Verdict::New),
        "its end may be late"
    );
    window.expire(began + Duration::from_secs(59));
    assert!(has(&window, 5));
    window.expire(began + Duration::from_mins(1));
    assert!(!has(&window, 5) && !has(&window, INIT_SEGMENT));
    assert_eq!(
        window.insert(chunk(video(6).chunk(1)), began + Duration::from_mins(1)),
        Err(Refused::Stale)
    );
    assert!(window.segment(&of_next(1)).is_some());
}

#[test]
fn a_channel_keeps_two_epochs_however_often_it_begins_anew() {
    let mut window = Window::default();
    let of = |epoch| SegmentName {
        epoch: Epoch(EPOCH.0 + epoch),
        ..video(1)
    };
    for epoch in [1, 2, 4] {
        insert_all(&mut window, segment(&of(epoch)), after(1));
    }
    assert!(window.segment(&of(1)).is_none());
    assert!(window.segment(&of(2)).is_some() && window.segment(&of(4)).is_some());
    assert_eq!(
        window.insert(chunk(of(1).chunk(0)), after(1)),
        Err(Refused::Stale)
    );
    assert_eq!(
        window.insert(chunk(of(3).chunk(0)), after(1)),
        Ok(Verdict::New),
        "the one before, late"
    );
    assert!(window.segment(&of(2)).is_none());
}

#[test]
fn a_crowd_of_channels_is_turned_away_until_one_is_off_the_air() {
    let mut window = Window::new(Limits {
        channels: 2,
        ..Limits::default()
    });
    let of = |name: &str| SegmentName {
        channel: name.parse().unwrap(),
        ..video(1)
    };
    insert_all(&mut window, segment(&of("one")), after(1));
    insert_all(&mut window, segment(&of("two")), after(2));
    assert_eq!(
        window.insert(chunk(of("three").chunk(0)), after(2)),
        Err(Refused::Full)
    );

    let later = after(1) + Duration::from_mins(10);
    insert_all(&mut window, segment(&of("three")), later);
    assert!(window.segment(&of("one")).is_none() && window.segment(&of("two")).is_some());
}

#[test]
fn an_absurd_record_does_not_take_the_window_with_it() {
    let mut window = window_with(0..=20);
    let unfinished = SegmentName {
        track: TrackId::AUDIO,
        ..video(20)
    };
    insert_all(&mut window, vec![chunk(unfinished.chunk(0))], after(20));
    let names = |window: &Window| {
        window
            .held()
            .iter()
            .map(|chunk| chunk.id().clone())
            .collect::<Vec<_>>()
    };
    let before = names(&window);
    let absurd = [
        Facts {
            time: u64::MAX,
            ..facts(unfinished.chunk(1))
        },
        Facts {
            time: u64::MAX,
            ..facts(video(21).chunk(0))
        },
        Facts {
            time: 3_600_000,
            ..facts(video(21).chunk(0))
        },
        Facts {
            duration: u32::MAX,
            ..facts(video(21).chunk(0))
        },
        facts(video(u32::MAX).chunk(0)),
        Facts {
            time: 42_000,
            ..facts(video(u32::MAX).chunk(0))
        },
        facts(
            SegmentName {
                epoch: Epoch(u64::MAX),
                ..video(1)
            }
            .chunk(0),
        ),
        facts(
            SegmentName {
                epoch: Epoch(EPOCH.0 + 48 * 3_600_000),
                ..video(1)
            }
            .chunk(0),
        ),
    ];
    for facts in absurd {
        let chunk = sealed(facts, b"");
        assert_eq!(
            window.insert(chunk.clone(), after(20)),
            Err(Refused::TooFarAhead),
            "{:?}",
            chunk.record()
        );
    }
    assert_eq!(names(&window), before);
    assert_eq!(
        window.insert(chunk(video(21).chunk(0)), after(21)),
        Ok(Verdict::New),
        "the channel goes on"
    );
}

#[test]
fn a_number_that_is_odd_but_possible_costs_its_own_bytes_only() {
    let mut window = window_with(1..=20);
    let odd = Facts {
        time: 40_000,
        last: true,
        ..facts(video(300).chunk(0))
    };
    assert_eq!(window.insert(sealed(odd, b""), after(20)), Ok(Verdict::New));
    for number in 21..=60 {
        insert_all(&mut window, segment(&video(number)), after(number));
    }
    assert!((31..=60).all(|number| has(&window, number)));
    assert!(!has(&window, 300), "it left with its own time");
}

#[test]
fn who_was_away_goes_on_where_the_stream_is_now() {
    let mut window = window_with(0..=5);
    let away = 900;
    assert_eq!(
        window.insert(chunk(video(away).chunk(0)), after(5)),
        Err(Refused::TooFarAhead)
    );
    assert_eq!(
        window.insert(chunk(video(away).chunk(0)), after(away)),
        Ok(Verdict::New)
    );
}

#[test]
fn a_publisher_may_run_faster_than_the_clock() {
    let mut window = Window::default();
    for number in 1..=500 {
        insert_all(&mut window, segment(&video(number)), after(1));
    }
    assert!(has(&window, 500));
}

#[test]
fn what_is_held_is_told_newest_segment_first_after_the_init_segments() {
    let mut window = window_with(0..=3);
    let audio = SegmentName {
        track: TrackId::AUDIO,
        ..video(2)
    };
    insert_all(&mut window, vec![chunk(audio.chunk(0))], after(3));
    let held: Vec<_> = window
        .held()
        .iter()
        .map(|chunk| (chunk.id().segment, chunk.id().index))
        .collect();
    assert_eq!(held.len(), 1 + 3 * usize::from(CHUNKS) + 1);
    assert_eq!(held[0], (INIT_SEGMENT, 0));
    assert_eq!(held[1..=4], [(3, 0), (3, 1), (3, 2), (3, 3)]);
    assert!(held[5..].is_sorted_by_key(|(segment, _)| std::cmp::Reverse(*segment)));
}

#[test]
fn a_segment_is_carried_when_it_is_whole_in_every_track_that_goes_on() {
    let mut window = window_with(0..=5);
    let audio = |number| SegmentName {
        track: TrackId::AUDIO,
        ..video(number)
    };
    for number in 1..=3 {
        insert_all(&mut window, segment(&audio(number)), after(5));
    }
    insert_all(&mut window, vec![chunk(audio(4).chunk(0))], after(5));
    let carried = |newest| {
        vec![Carried {
            channel: demo(),
            epoch: EPOCH,
            newest,
        }]
    };
    assert_eq!(window.carried(), carried(3));

    for number in 6..=15 {
        insert_all(&mut window, segment(&video(number)), after(15));
    }
    assert_eq!(window.carried(), carried(15), "sound has ended");
}

#[test]
fn time_counts_in_each_tracks_own_units() {
    let mut window = window_with(1..=10);
    let audio = SegmentName {
        track: TrackId::AUDIO,
        ..video(40)
    };
    let fine = Facts {
        time: 78 * 48_000,
        duration: CHUNK_UNITS * 48,
        timescale: 48_000,
        ..facts(audio.chunk(0))
    };
    assert_eq!(window.insert(sealed(fine, b""), after(40)), Ok(Verdict::New));
    // 78.5 s less a minute: segment 9 ends at 18 s, segment 10 at 20 s.
    assert!(!has(&window, 9) && has(&window, 10));
}
