//! Whatever a channel does, no player is told anything that is not, or that takes back what was told.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use wire::id::TrackId;
use wire::presentation::State;

use super::reader::{Entry, Mpd, Playlist, millis};
use super::stage::{EPOCH, Stage};

#[derive(Clone, Debug)]
enum Step {
    /// A segment of so many pictures.
    Segment(u64),
    /// A break, after a last segment of so many pictures, and another epoch that long after it.
    Break {
        last: u64,
        gap: u64,
        tracks: usize,
        variant: u8,
    },
    /// The publisher is away for so long.
    Away { gap: u64 },
}

const TRACKS: [&[&str]; 5] = [
    &["v0", "a0"],
    &["a0"],
    &["v0"],
    &["v0", "a0", "v1"],
    &["v0", "a0", "v1", "a1", "v2"],
];

fn step() -> impl Strategy<Value = Step> {
    let pictures = prop_oneof![6 => Just(50_u64), 3 => 25..75_u64, 1 => 25..300_u64];
    prop_oneof![
        20 => pictures.prop_map(Step::Segment),
        3 => (0..10_u64, 0..1500_u64, 0..TRACKS.len(), 0..2_u8)
            .prop_map(|(last, gap, tracks, variant)| Step::Break { last, gap, tracks, variant }),
        1 => (0..60_000_u64).prop_map(|gap| Step::Away { gap }),
    ]
}

/// What was told before.
#[derive(Default)]
struct Told {
    mpds: BTreeMap<String, Mpd>,
    playlists: BTreeMap<String, Playlist>,
}

fn check(stage: &Stage, told: &mut Told) {
    let mut bytes = 0;
    for document in stage.documents() {
        bytes += document.text.len();
        let name = document.name.clone();
        if document.text.starts_with("<?xml") {
            let mpd = Mpd::read(&document.text);
            check_mpd(stage, &name, &mpd);
            if let Some(before) = told.mpds.get(&name) {
                compare_mpds(&name, before, &mpd);
            }
            told.mpds.insert(name, mpd);
        } else if name != "master.m3u8" {
            let playlist = Playlist::read(&document.text);
            check_playlist(stage, &playlist);
            if let Some(before) = told.playlists.get(&name) {
                compare_playlists(before, &playlist);
            }
            told.playlists.insert(name, playlist);
        }
    }
    assert!(bytes < 200_000, "{bytes} bytes");
}

fn check_mpd(stage: &Stage, name: &str, mpd: &Mpd) {
    let mut end = 0;
    for period in &mpd.periods {
        let start = if name == "compat.mpd" {
            assert_eq!(period.start, "PT0S");
            assert_eq!(mpd.periods.len(), 1);
            0
        } else {
            assert_eq!(mpd.start, "2020-01-01T00:00:00Z");
            assert_eq!(millis(&period.start), period.id - 1_577_836_800_000);
            millis(&period.start)
        };
        assert!(end <= start, "periods overlap");
        end = period
            .duration
            .as_ref()
            .map_or(u64::MAX, |lasts| start + millis(lasts));
        for (track, template) in period.tracks() {
            let id: TrackId = track.id.parse().unwrap();
            let whole = &stage.whole[&(period.id, id)];
            for listed in template.segments() {
                assert!(whole.contains(&listed), "{listed:?} of {id} is not whole");
            }
            let Some(duration) = template.duration else {
                continue;
            };
            let timescale = if id.extension() == "m4v" { 90_000 } else { 48_000 };
            for &(number, time, _) in whole {
                let told = u128::from(number - 1) * u128::from(duration) * timescale;
                let apart = told.abs_diff(u128::from(time) * u128::from(template.timescale));
                // Sound begins up to a frame later than the pictures that it is cut with.
                let frame = 1024 * u128::from(template.timescale);
                assert!(
                    apart <= u128::from(duration) * timescale / 4 + frame,
                    "{name} {number}"
                );
            }
        }
    }
}

fn compare_mpds(name: &str, before: &Mpd, after: &Mpd) {
    if name == "compat.mpd" {
        let (old, new) = (before.periods[0].id, after.periods[0].id);
        assert!(old < new || before.start == after.start, "a start for each epoch");
    }
    let kept = before
        .periods
        .iter()
        .skip_while(|period| after.period(period.id).is_none());
    let mut gone = before.periods.len() - kept.clone().count();
    for (old, new) in kept.zip(&after.periods) {
        assert_eq!(old.names(), new.names(), "{name}");
        assert!(old.duration.is_none() || old.duration == new.duration);
        for ((_, old), (_, new)) in old.tracks().into_iter().zip(new.tracks()) {
            if old.duration.is_some() && new.duration.is_some() {
                assert_eq!((old.timescale, old.duration), (new.timescale, new.duration));
            }
            let (old, new) = (old.segments(), new.segments());
            let Some((first, last)) = new.first().zip(new.last()) else {
                continue;
            };
            assert!(
                old.first().is_none_or(|old| old.0 <= first.0),
                "what has left does not return"
            );
            assert!(
                old.last().is_none_or(|old| old.0 <= last.0),
                "what was listed last stays"
            );
        }
        gone += 1;
    }
    assert!(
        gone >= before.periods.len().min(1),
        "periods leave at the front alone"
    );
}

fn check_playlist(stage: &Stage, playlist: &Playlist) {
    for entry in playlist.segments.values() {
        let (epoch, track, file) = names(&entry.uri);
        let number: u32 = file.split('.').next().unwrap().parse().unwrap();
        let whole = &stage.whole[&(epoch, track.parse().unwrap())];
        let made = whole.iter().find(|made| made.0 == number).expect("it is whole");
        let timescale = if track.starts_with('v') {
            90_000.0
        } else {
            48_000.0
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let lasts = made.2 as f64 / timescale;
        assert!((entry.lasts - lasts).abs() < 0.000_01);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let target = playlist.target as f64;
        assert!(entry.lasts.round() <= target);
        assert!(entry.map.starts_with(&format!("{epoch}/{track}/init.")));
        if !entry.parts.is_empty() {
            let sum: f64 = entry.parts.iter().map(|(_, lasts)| lasts).sum();
            assert!((sum - entry.lasts).abs() < 0.001, "parts make their segment");
        }
    }
    let parts = playlist
        .segments
        .values()
        .flat_map(|entry| &entry.parts)
        .chain(&playlist.parts);
    for (uri, lasts) in parts {
        assert!(stage.parts.contains(uri), "{uri} is not there");
        assert!(*lasts <= playlist.part_target.unwrap());
    }
}

fn names(uri: &str) -> (u64, &str, &str) {
    let mut names = uri.split('/');
    let epoch = names.next().unwrap().parse().unwrap();
    (epoch, names.next().unwrap(), names.next().unwrap())
}

/// What RFC 8216 §6.2.1 allows from one version to the next.
fn compare_playlists(before: &Playlist, after: &Playlist) {
    assert!(!before.is_over);
    let last = |playlist: &Playlist| playlist.segments.keys().next_back().copied().unwrap();
    assert!(before.sequence <= after.sequence && last(before) <= last(after));
    let same = |old: &Entry, new: &Entry| {
        (&old.uri, old.discontinuity, &old.map) == (&new.uri, new.discontinuity, &new.map)
            && old.lasts.to_bits() == new.lasts.to_bits()
    };
    for (number, old) in &before.segments {
        if let Some(new) = after.segments.get(number) {
            assert!(same(old, new), "{number}: {old:?} became {new:?}");
        }
    }
    let next = after.segments.get(&(last(before) + 1));
    let next = next.map_or(after.next_discontinuity, |entry| entry.discontinuity);
    assert!(after.is_over || before.next_discontinuity <= next);
    if after.sequence <= last(before) {
        assert!(before.target <= after.target);
    }
    // What was named next came, or nothing more did of its epoch.
    if let Some(hint) = &before.hint {
        let listed = |uri: &str| after.part_uris().any(|part| part == uri);
        let is_same = after.hint.as_ref() == Some(hint);
        let ended = after
            .hint
            .as_ref()
            .is_none_or(|next| names(next).0 != names(hint).0);
        assert!(
            is_same || ended || listed(hint),
            "{hint} was named and did not come"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_players_were_told_stays_true(steps in prop::collection::vec(step(), 1..45)) {
        let mut stage = Stage::new((25, 1));
        stage.begin(EPOCH, TRACKS[0], 0);
        let mut told = Told::default();
        for step in steps {
            match step {
                Step::Segment(pictures) => {
                    let mut parts = 0..;
                    stage.segment(pictures, |stage| {
                        if parts.next().is_some_and(|part| part % 4 == 1) {
                            check(stage, &mut told);
                        }
                    });
                }
                Step::Break { last, gap, tracks, variant } => {
                    if last > 0 {
                        stage.segment(last, |_| {});
                    }
                    stage.begin_after(Duration::from_millis(gap), TRACKS[tracks], variant);
                }
                Step::Away { gap } => {
                    stage.presentation.end_epoch();
                    stage.state = State::Away;
                    check(&stage, &mut told);
                    stage.state = State::Live;
                    stage.begin_after(Duration::from_millis(gap), TRACKS[0], 0);
                }
            }
            check(&stage, &mut told);
        }
        stage.presentation.end_epoch();
        stage.state = State::Ended;
        check(&stage, &mut told);
    }
}

#[test]
fn all_documents_of_a_large_ladder_are_small() {
    let mut stage = Stage::new((30, 1));
    let tracks = ["v0", "a0", "v1", "a1", "v2", "a2", "v3", "v4"];
    stage.begin(EPOCH, &tracks, 0);
    for number in 0..60 {
        // As irregular as scene cuts make it.
        stage.segment(60 + number * 7 % 13, |_| {});
        if number % 6 == 5 {
            stage.begin_after(Duration::from_millis(300), &tracks, 0);
        }
        let bytes: usize = stage.documents().iter().map(|document| document.text.len()).sum();
        assert!(bytes < 200_000, "{bytes} bytes");
    }
}
