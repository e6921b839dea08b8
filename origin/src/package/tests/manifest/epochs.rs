//! What the MPDs say of several epochs, and of the end.

use std::time::Duration;

use wire::presentation::State;

use super::reader::{Mpd, Period, millis};
use super::stage::{EPOCH, Stage};

const BOTH: &[&str] = &["v0", "a0"];

fn stage() -> Stage {
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, BOTH, 0);
    stage
}

fn segments(stage: &mut Stage, count: u32) {
    for _ in 0..count {
        stage.segment(50, |_| {});
    }
}

fn periods(stage: &Stage, name: &str) -> Vec<Period> {
    Mpd::read(&stage.document(name)).periods
}

#[test]
fn a_break_is_a_new_period_and_the_one_before_stays_as_long_as_it_lasted() {
    let mut stage = stage();
    segments(&mut stage, 3);
    stage.begin_after(Duration::from_millis(700), BOTH, 0);
    segments(&mut stage, 2);
    for name in ["manifest.mpd", "low-latency.mpd"] {
        let periods = periods(&stage, name);
        let [first, second] = periods.as_slice() else {
            panic!("two periods")
        };
        assert_eq!((first.id, second.id), (EPOCH, EPOCH + 6016 + 700));
        assert_eq!(
            millis(first.duration.as_ref().unwrap()),
            6000,
            "sound ends a little later"
        );
        assert_eq!(second.duration, None);
        assert!(millis(&first.start) + 6000 <= millis(&second.start));
        let segments = |period: &Period| period.tracks()[0].1.segments().len();
        assert_eq!(segments(first), 3, "{name}");
        assert_eq!(segments(second), if name == "manifest.mpd" { 2 } else { 0 });
    }
    let compat = Mpd::read(&stage.document("compat.mpd"));
    assert_eq!(compat.periods.len(), 1);
    assert_eq!(compat.periods[0].start, "PT0S");
}

#[test]
fn players_hear_where_they_may_go_on_as_they_are() {
    let mut stage = stage();
    segments(&mut stage, 2);
    let first = EPOCH;
    stage.begin_after(Duration::ZERO, BOTH, 0);
    segments(&mut stage, 1);
    let second = periods(&stage, "manifest.mpd")[1].clone();
    for set in &second.sets {
        assert_eq!(set.connected.as_ref().map(|set| set.value), Some(first));
    }
    // Another configuration of both; then a rendition more.
    stage.begin_after(Duration::ZERO, BOTH, 1);
    segments(&mut stage, 1);
    stage.begin_after(Duration::ZERO, &["v0", "a0", "v1"], 1);
    segments(&mut stage, 1);
    let periods = periods(&stage, "manifest.mpd");
    assert!(periods[2].sets.iter().all(|set| set.connected.is_none()));
    let third = periods[2].id;
    for set in &periods[3].sets {
        assert_eq!(set.connected.as_ref().map(|set| set.value), Some(third));
    }
    let compat = stage.document("compat.mpd");
    assert!(
        !compat.contains("period-connectivity"),
        "there is no other period in it"
    );
}

#[test]
fn a_new_period_is_listed_once_there_is_something_in_it() {
    let mut stage = stage();
    segments(&mut stage, 2);
    stage.begin_after(Duration::ZERO, BOTH, 0);
    stage.segment(50, |stage| {
        let whole = stage.presentation.newest().is_some();
        assert_eq!(periods(stage, "manifest.mpd").len(), 1 + usize::from(whole));
    });
    stage.begin_after(Duration::ZERO, BOTH, 0);
    stage.presentation.end_epoch();
    assert_eq!(
        periods(&stage, "manifest.mpd").len(),
        2,
        "nothing came of the third"
    );
}

#[test]
fn periods_leave_with_their_last_segment() {
    let mut stage = stage();
    segments(&mut stage, 5);
    stage.begin_after(Duration::ZERO, BOTH, 0);
    let mut listed = Vec::new();
    for _ in 0..28 {
        stage.segment(50, |_| {});
        let period = periods(&stage, "manifest.mpd").remove(0);
        listed.push((period.id == EPOCH).then(|| period.tracks()[0].1.segments().len()));
    }
    let expected = [5; 19]
        .map(Some)
        .into_iter()
        .chain([4, 3, 2, 1].map(Some))
        .chain([None; 5]);
    assert_eq!(listed, expected.collect::<Vec<_>>());
}

#[test]
fn a_last_segment_of_a_few_pictures_is_left_out() {
    let mut stage = stage();
    segments(&mut stage, 3);
    stage.segment(5, |_| {});
    stage.presentation.end_epoch();
    for name in ["manifest.mpd", "compat.mpd"] {
        assert_eq!(periods(&stage, name)[0].tracks()[0].1.segments().len(), 3);
    }
    assert!(!stage.document("v0.m3u8").contains("/4."));
}

#[test]
fn while_the_publisher_is_away_nothing_is_said_to_end() {
    let mut stage = stage();
    segments(&mut stage, 3);
    stage.presentation.end_epoch();
    stage.state = State::Away;
    for name in ["manifest.mpd", "low-latency.mpd", "compat.mpd"] {
        let mpd = Mpd::read(&stage.document(name));
        assert_eq!((mpd.kind.as_str(), mpd.lasts), ("dynamic", None));
        assert!(mpd.update.is_some() && mpd.periods[0].duration.is_none());
        let listed = mpd.periods[0].tracks()[0].1.segments().len();
        assert_eq!(listed, 3, "{name}: nothing is asked for that will not come");
    }
}

#[test]
fn a_channel_that_is_over_says_how_long_it_lasted() {
    let mut stage = stage();
    segments(&mut stage, 3);
    stage.begin_after(Duration::from_secs(1), BOTH, 0);
    segments(&mut stage, 2);
    stage.presentation.end_epoch();
    stage.state = State::Ended;
    for name in ["manifest.mpd", "low-latency.mpd", "compat.mpd"] {
        let mpd = Mpd::read(&stage.document(name));
        assert_eq!(
            (mpd.kind.as_str(), &mpd.update, &mpd.delay),
            ("static", &None, &None)
        );
        let last = mpd.periods.last().unwrap();
        assert_eq!(millis(mpd.lasts.as_ref().unwrap()), millis(&last.start) + 4000);
        assert_eq!(last.tracks()[0].1.segments().len(), 2, "{name}");
    }
}

#[test]
fn an_epoch_that_runs_into_the_next_is_cut_short_and_one_from_before_is_forgotten() {
    let mut stage = stage();
    segments(&mut stage, 3);
    stage.begin(EPOCH + 5000, BOTH, 0);
    segments(&mut stage, 1);
    let two = periods(&stage, "manifest.mpd");
    assert_eq!(two[0].duration.as_deref(), Some("PT5S"));
    // The clock was years ahead.
    stage.begin(EPOCH - 1_000_000_000, BOTH, 0);
    segments(&mut stage, 1);
    let one = periods(&stage, "manifest.mpd");
    assert_eq!((one.len(), one[0].id), (1, EPOCH - 1_000_000_000));
    assert_eq!(one[0].tracks()[0].1.segments().len(), 1);
}

#[test]
fn renditions_stand_beside_their_source_the_lightest_first() {
    let mut stage = Stage::new((30, 1));
    stage.begin(EPOCH, &["v0", "a0", "v1", "a1", "v2"], 0);
    for _ in 0..3 {
        stage.segment(60, |_| {});
    }
    let mpd = Mpd::read(&stage.document("manifest.mpd"));
    let names = mpd.periods[0].names();
    assert_eq!(names.2, [(1, vec!["v2", "v1", "v0"]), (2, vec!["a1", "a0"])]);
    let bandwidths: Vec<_> = mpd.periods[0]
        .tracks()
        .iter()
        .map(|(track, _)| track.bandwidth)
        .collect();
    assert!(bandwidths[..3].is_sorted() && bandwidths[3..].is_sorted());
    assert!(bandwidths[2] < 2_200_000, "{bandwidths:?}");

    let compat = Mpd::read(&stage.document("compat.mpd"));
    assert_eq!(compat.periods[0].names().2, [(1, vec!["v0"]), (2, vec!["a0"])]);
}
