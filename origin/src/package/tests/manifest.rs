//! The manifest tells what there is, and nothing else.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wire::id::{Epoch, TrackId};

use super::super::{Cut, Packager, Presentation};
use super::synthetic::{configs, interleaved, pictures, sounds};
use super::{Feed, encoder, package};

const EPOCH: u64 = 1_790_000_000_123;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(EPOCH + 9_500)
}

/// The epoch after nine seconds.
fn presentation() -> Presentation {
    let mut presentation = Presentation::new(Epoch(EPOCH));
    for piece in package(encoder::pictures_and_sound(9, 50)).unwrap().pieces {
        presentation.note(&piece);
    }
    presentation
}

/// The values of an attribute, in order.
fn values<'a>(mpd: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    mpd.split(&opening)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

/// The segments of each timeline, as a player counts them: (time, duration).
fn timelines(mpd: &str) -> Vec<Vec<(u64, u64)>> {
    let number = |run: &str, attribute| {
        values(run, attribute)
            .first()
            .map_or(0, |value| value.parse().unwrap())
    };
    let timeline = |text: &str| {
        let runs = text
            .split("<S ")
            .skip(1)
            .map(|run| format!(" {}", run.split('>').next().unwrap()));
        runs.flat_map(|run| {
            let (time, duration, more): (u64, u64, u64) =
                (number(&run, "t"), number(&run, "d"), number(&run, "r"));
            (0..=more)
                .map(move |place| (time + place * duration, duration))
                .collect::<Vec<_>>()
        })
        .collect()
    };
    mpd.split("<SegmentTimeline>")
        .skip(1)
        .map(|text| timeline(text.split("</").next().unwrap()))
        .collect()
}

#[test]
fn the_manifest_says_where_everything_is() {
    let mpd = presentation().mpd(now());

    for text in [
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
    ] {
        assert!(mpd.contains(text), "{text}\nis not in\n{mpd}");
    }
    for added_by_the_tracker in ["BaseURL", "Location", "UTCTiming"] {
        assert!(!mpd.contains(added_by_the_tracker));
    }
    assert_eq!(
        mpd,
        presentation().mpd(now()),
        "the same epoch makes the same manifest"
    );
}

#[test]
fn bandwidth_is_what_was_measured() {
    let presentation = presentation();
    let mpd = presentation.mpd(now());
    let bandwidths = values(&mpd, "bandwidth")
        .into_iter()
        .map(|text| text.parse::<u64>().unwrap());
    let tracks = presentation.tracks();

    assert_eq!(
        tracks.iter().map(|track| track.track).collect::<Vec<_>>(),
        [TrackId::VIDEO, TrackId::AUDIO]
    );
    assert_eq!(tracks[1].codecs, "mp4a.40.2");
    for (peak, track) in bandwidths.zip(&tracks) {
        assert!(
            peak >= track.bits_per_second,
            "{peak} < {}",
            track.bits_per_second
        );
        assert!((30_000..3_000_000).contains(&track.bits_per_second));
    }
}

#[test]
fn only_whole_segments_are_listed_and_time_follows_on() {
    let mut packager = Packager::new(Cut::default(), []);
    let mut presentation = Presentation::new(Epoch(EPOCH));
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
        let mpd = presentation.mpd(now());
        let starts: Vec<u32> = values(&mpd, "startNumber")
            .into_iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let timelines = timelines(&mpd);
        for (start, timeline) in starts.iter().zip(&timelines) {
            assert_eq!(Some(start + u32::try_from(timeline.len()).unwrap() - 1), newest);
            assert!(
                timeline.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0),
                "{timeline:?}"
            );
        }
        let (video, audio) = (&timelines[0], &timelines[1]);
        let oldest = starts.iter().max().unwrap();
        assert!(oldest - starts.iter().min().unwrap() <= 1);
        assert!(video.last().unwrap().0 - video[0].0 <= 50 * 90_000);
        let apart = (video.last().unwrap().0 * 48 / 90).abs_diff(audio.last().unwrap().0);
        assert!(apart < 1024, "{apart} samples");
        seen.push(newest.unwrap());
    }
    assert_eq!(seen, (1..=34).collect::<Vec<_>>());
}

#[test]
fn nothing_is_listed_before_every_track_has_a_segment() {
    let mut packager = Packager::new(Cut::default(), []);
    let mut presentation = Presentation::new(Epoch(EPOCH));
    assert_eq!(presentation.newest(), None);
    for unit in configs().chain(interleaved(pictures(0..2000, 2000), sounds(0..2000))) {
        for piece in packager.feed(unit).unwrap() {
            presentation.note(&piece);
        }
    }
    assert_eq!(presentation.newest(), None);
    let mpd = presentation.mpd(now());
    assert!(
        mpd.contains("v0") && mpd.contains("a0") && !mpd.contains("<S "),
        "{mpd}"
    );
}

/// The schema comes from outside: `BOXMESH_DASH_SCHEMA` names DASH-MPD.xsd, with a `catalog.xml` beside it.
#[test]
fn the_schema_of_dash_agrees() {
    let Some(schema) = env::var_os("BOXMESH_DASH_SCHEMA") else {
        eprintln!("skipped: BOXMESH_DASH_SCHEMA does not name a DASH-MPD.xsd");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sound_only = package(encoder::sound(5)).unwrap();
    let mut audio = Presentation::new(Epoch(EPOCH));
    sound_only.pieces.iter().for_each(|piece| audio.note(piece));
    for (name, presentation) in [
        ("both", presentation()),
        ("audio", audio),
        ("none", Presentation::new(Epoch(EPOCH))),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, presentation.mpd(now())).unwrap();
        let outcome = Command::new("xmllint")
            .env(
                "XML_CATALOG_FILES",
                Path::new(&schema).with_file_name("catalog.xml"),
            )
            .args(["--noout", "--nonet", "--schema"])
            .arg(&schema)
            .arg(&file)
            .output()
            .expect("xmllint is needed to check against a schema");
        assert!(
            outcome.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&outcome.stderr)
        );
    }
}
