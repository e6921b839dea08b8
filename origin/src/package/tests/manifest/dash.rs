//! What the MPDs say of one epoch.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wire::id::{Epoch, TrackId};
use wire::presentation::State;

use super::super::super::{Cut, Packager, Presentation};
use super::super::synthetic::{configs, interleaved, pictures, sounds};
use super::super::{Feed, encoder, package};
use super::reader::{Mpd, millis};
use super::stage::{EPOCH, Stage};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(EPOCH + 9_500)
}

/// An epoch of nine seconds, as a real encoder made it.
pub(super) fn presentation() -> Presentation {
    let mut presentation = Presentation::default();
    presentation.begin(Epoch(EPOCH));
    for piece in package(encoder::pictures_and_sound(9, 50)).unwrap().pieces {
        presentation.note(&piece);
    }
    presentation
}

fn document(presentation: &Presentation, name: &str) -> String {
    let documents = presentation.documents(now(), State::Live);
    let named = documents.into_iter().find(|document| document.name == name);
    named.unwrap().text
}

fn assert_says(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words}\nis not in\n{text}");
    }
}

#[test]
fn the_manifest_says_where_everything_is() {
    let presentation = presentation();
    let mpd = document(&presentation, "manifest.mpd");
    assert_says(
        &mpd,
        &[
            r#"type="dynamic""#,
            r#"availabilityStartTime="2020-01-01T00:00:00Z""#,
            r#"publishTime="2026-09-21T14:13:29Z""#,
            r#"minimumUpdatePeriod="PT1S""#,
            r#"timeShiftBufferDepth="PT50S""#,
            r#"suggestedPresentationDelay="PT6S""#,
            r#"<Period id="1790000000123" start="PT212163200.123S">"#,
            r#"<AdaptationSet id="1" contentType="video" mimeType="video/mp4" par="16:9" segmentAlignment="true" startWithSAP="1">"#,
            r#"<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">"#,
            r#"initialization="1790000000123/$RepresentationID$/init.m4v" media="1790000000123/$RepresentationID$/$Number$.m4v" startNumber="1""#,
            r#"initialization="1790000000123/$RepresentationID$/init.m4a" media="1790000000123/$RepresentationID$/$Number$.m4a" startNumber="1""#,
            r#"<S t="0" d="180000" r="3"/>"#,
            r#"codecs="avc1.64000"#,
            r#"" width="320" height="180" sar="1:1" frameRate="25""#,
            r#"codecs="mp4a.40.2" audioSamplingRate="48000""#,
            r#"<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>"#,
        ],
    );
    for document in presentation.documents(now(), State::Live) {
        for added_by_the_tracker in ["BaseURL", "Location", "UTCTiming"] {
            assert!(!document.text.contains(added_by_the_tracker));
        }
    }
    assert_eq!(
        mpd,
        document(&self::presentation(), "manifest.mpd"),
        "the same epoch makes the same manifest"
    );
}

#[test]
fn in_low_latency_a_segment_is_there_with_its_first_chunk() {
    let mpd = document(&presentation(), "low-latency.mpd");
    assert_says(
        &mpd,
        &[
            r#"availabilityStartTime="2020-01-01T00:00:00Z""#,
            r#"suggestedPresentationDelay="PT2S""#,
            r#"<Latency referenceId="1" target="2000" max="6000" min="1000"/>"#,
            r#"<PlaybackRate max="1.04" min="0.96"/>"#,
            r#"<ProducerReferenceTime id="1" inband="true" type="encoder" wallClockTime="2026-09-21T14:13:20.123Z" presentationTime="0"/>"#,
            r#"timescale="90000" duration="180000" availabilityTimeOffset="1."#,
            r#"availabilityTimeComplete="false""#,
            r#"startNumber="1"/>"#,
        ],
    );
    assert!(!mpd.contains("SegmentTimeline"));
    for (_, template) in Mpd::read(&mpd).periods[0].tracks() {
        let early: f64 = template.early.as_ref().unwrap().parse().unwrap();
        let chunk = Cut::default().chunk.as_secs_f64();
        assert!((2.0 - chunk - 0.15..2.0 - chunk).contains(&early), "{early}");
    }
}

#[test]
fn old_players_get_one_period_that_begins_when_the_epoch_did() {
    let mpd = document(&presentation(), "compat.mpd");
    assert_says(
        &mpd,
        &[
            r#"availabilityStartTime="2026-09-21T14:13:20.123Z""#,
            r#"<Period id="1790000000123" start="PT0S">"#,
            r#"duration="180000""#,
        ],
    );
    for word in [
        "availabilityTimeOffset",
        "ServiceDescription",
        "Resync",
        "SegmentTimeline",
    ] {
        assert!(!mpd.contains(word), "{word}");
    }
}

#[test]
fn old_players_are_not_sent_to_before_the_epoch() {
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, &["v0", "a0"], 0);
    let mut seen = Vec::new();
    for number in 1..=30 {
        stage.segment(50, |_| {});
        let documents = stage.documents();
        let Some(compat) = documents.iter().find(|document| document.name == "compat.mpd") else {
            assert!(number < 3);
            continue;
        };
        let mpd = Mpd::read(&compat.text);
        let (depth, delay) = (millis(&mpd.depth.unwrap()), millis(&mpd.delay.unwrap()));
        // They count in whole seconds.
        let age = 2000 * number - 1000;
        assert!(delay + 2000 <= depth && depth <= age, "{delay} {depth} {age}");
        seen.push((depth, delay));
    }
    assert_eq!(seen[..3], [(4000, 2000), (6000, 4000), (8000, 6000)]);
    assert_eq!(seen.last(), Some(&(50_000, 6000)));
}

#[test]
fn bandwidth_is_what_was_measured() {
    let presentation = presentation();
    let mpd = Mpd::read(&document(&presentation, "manifest.mpd"));
    let tracks = presentation.tracks();
    assert_eq!(
        tracks.iter().map(|track| track.track).collect::<Vec<_>>(),
        [TrackId::VIDEO, TrackId::AUDIO]
    );
    assert_eq!(tracks[1].codecs, "mp4a.40.2");
    for ((told, _), track) in mpd.periods[0].tracks().into_iter().zip(&tracks) {
        let average = track.bits_per_second;
        assert!(
            (average..average * 2).contains(&told.bandwidth),
            "{told:?} {average}"
        );
        assert!((30_000..3_000_000).contains(&average));
    }
}

#[test]
fn only_whole_segments_are_listed_and_time_follows_on() {
    let mut packager = Packager::new(Cut::default(), []);
    let mut presentation = Presentation::default();
    presentation.begin(Epoch(EPOCH));
    let mut newest = None;
    let mut seen = Vec::new();
    for unit in configs().chain(interleaved(pictures(0..70_000, 2000), sounds(0..70_000))) {
        for piece in packager.feed(unit).unwrap() {
            presentation.note(&piece);
        }
        if presentation.newest() == newest {
            continue;
        }
        newest = presentation.newest();
        let mpd = Mpd::read(&document(&presentation, "manifest.mpd"));
        let timelines: Vec<_> = mpd.periods[0]
            .tracks()
            .iter()
            .map(|(_, template)| template.segments())
            .collect();
        for timeline in &timelines {
            assert_eq!(timeline.last().map(|segment| segment.0), newest);
            assert!(
                timeline.windows(2).all(|pair| pair[0].1 + pair[0].2 == pair[1].1),
                "{timeline:?}"
            );
        }
        let (video, audio) = (&timelines[0], &timelines[1]);
        assert!(video[0].0.abs_diff(audio[0].0) <= 1);
        assert!(video.last().unwrap().1 - video[0].1 <= 50 * 90_000);
        let apart = (video.last().unwrap().1 * 48 / 90).abs_diff(audio.last().unwrap().1);
        assert!(apart < 1024, "{apart} samples");
        seen.push(newest.unwrap());
    }
    assert_eq!(seen, (1..=34).collect::<Vec<_>>());
}

#[test]
fn nothing_is_told_before_every_track_has_a_segment() {
    let mut packager = Packager::new(Cut::default(), []);
    let mut presentation = Presentation::default();
    assert_eq!(presentation.documents(now(), State::Live), []);
    presentation.begin(Epoch(EPOCH));
    for unit in configs().chain(interleaved(pictures(0..2000, 2000), sounds(0..2000))) {
        for piece in packager.feed(unit).unwrap() {
            presentation.note(&piece);
        }
    }
    assert_eq!((presentation.newest(), presentation.reached().segment), (None, 0));
    assert!(presentation.reached().chunks > 0);
    assert_eq!(presentation.documents(now(), State::Live), []);
}

/// Availability of segment n against the wall clock is constant, so nothing in the text may change.
#[test]
fn an_hour_of_steady_segments_changes_no_word_in_low_latency() {
    for frame_rate in [(25, 1), (30_000, 1001)] {
        let mut stage = Stage::new(frame_rate);
        stage.begin(EPOCH, &["v0", "a0", "v1"], 0);
        let frames = u64::from(frame_rate.0.div_ceil(frame_rate.1)) * 2;
        let mut first = None;
        for _ in 0..1800 {
            stage.segment(frames, |_| {});
            let text = stage.document("low-latency.mpd");
            let (before, after) = text.split_once(" publishTime=").unwrap();
            let text = before.to_owned() + after.split_once(' ').unwrap().1;
            assert!(text.contains(" duration="));
            assert_eq!(first.get_or_insert(text.clone()), &text);
        }
    }
}

#[test]
fn segments_that_are_not_where_their_number_says_are_told_by_a_timeline() {
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, &["v0", "a0"], 0);
    let is_numbered = |stage: &Stage| {
        ["low-latency.mpd", "compat.mpd"].map(|name| !stage.document(name).contains("SegmentTimeline"))
    };
    stage.segment(50, |_| {});
    stage.segment(50, |_| {});
    for pictures in [50, 50, 56, 50, 44, 50] {
        stage.segment(pictures, |_| {});
        assert_eq!(is_numbered(&stage), [true; 2]);
    }
    stage.segment(63, |_| {});
    assert_eq!(is_numbered(&stage), [true; 2], "it begins where it should");
    stage.segment(50, |_| {});
    assert_eq!(is_numbered(&stage), [false; 2], "it begins half a second late");
    stage.segment(37, |_| {});
    stage.segment(50, |_| {});
    assert_eq!(
        is_numbered(&stage),
        [false; 2],
        "players do not change to and fro"
    );
    let mpd = Mpd::read(&stage.document("low-latency.mpd"));
    assert_eq!(
        mpd.delay.as_deref(),
        Some("PT7.5S"),
        "nobody is nearer than whole segments let him"
    );
}

#[test]
fn a_rendition_that_comes_later_is_said_to() {
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, &["v0", "v1"], 0);
    stage.late("v1", 3);
    for _ in 0..3 {
        stage.segment(50, |_| {});
    }
    let mpd = Mpd::read(&stage.document("low-latency.mpd"));
    let early: Vec<f64> = mpd.periods[0]
        .tracks()
        .iter()
        .map(|(_, template)| template.early.as_ref().unwrap().parse().unwrap())
        .collect();
    assert!((0.7..1.1).contains(&(early[1] - early[0])), "{early:?}");
}
