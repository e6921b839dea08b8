//! Whatever the source is like, its renditions are in step with it.

use super::*;
use crate::ladder::samples::{encoded, ffmpeg, pictures};
use crate::media::Config;

const IRREGULAR: &str = "0,0.52,2,2.76,4,4.4";

#[tokio::test]
async fn keyframes_are_where_the_source_has_them_also_with_pictures_out_of_order_and_sound_of_44_khz() {
    let source = encoded(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x120:r=30000/1001",
        "-f",
        "lavfi",
        "-i",
        "sine=r=44100",
        "-t",
        "5",
        "-c:v",
        "libx264",
        "-bf",
        "3",
        "-force_key_frames",
        IRREGULAR,
        "-c:a",
        "aac",
        "-ac",
        "2",
    ]);
    let (pictures, sound) = (samples(&source, TrackId::VIDEO), samples(&source, TrackId::AUDIO));
    assert!(pictures.iter().any(|picture| picture.composition_offset > 40));
    let mut stage = Stage::new("ffmpeg", &[rendition(60, Some(32_000))]);
    stage.plays(&source).await;
    while sound.last().unwrap().decode_time.since(stage.newest(a1())) > Duration::from_millis(300) {
        stage.hears().await;
    }

    assert_aligned(&pictures, &samples(&stage.units, v1()));
    let made = samples(&stage.units, a1());
    // Encoders of AAC begin one frame before their first sound.
    let begin = sound[0].decode_time.since(made[0].decode_time);
    assert!(begin <= Duration::from_millis(25), "{:?} {:?}", sound[0], made[0]);
    let steps = made
        .windows(2)
        .map(|two| two[1].decode_time.since(two[0].decode_time));
    assert!(
        steps
            .into_iter()
            .all(|step| (22..=25).contains(&step.as_millis()))
    );
    assert_eq!(stage.ladder.expected(), [v1(), a1()]);
    assert_eq!(stage.ladder.warnings(), []);
    stage.ends().await;
}

#[tokio::test]
async fn pictures_at_any_intervals_keep_their_times() {
    let drop_some = "settb=1/1000,setpts='N*40+13*mod(N,3)+if(gt(N,30),417,0)'";
    let source = pictures(
        "4",
        &[
            "-vf",
            drop_some,
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1/1000",
            "-bf",
            "0",
            "-g",
            "17",
        ],
    );
    let pictures = samples(&source, TrackId::VIDEO);
    let steps: std::collections::BTreeSet<_> =
        shown(&pictures).windows(2).map(|two| two[1] - two[0]).collect();
    assert!(steps.len() >= 3, "{steps:?}");
    let mut stage = Stage::new("ffmpeg", &[rendition(60, None)]);
    stage.plays(&source).await;
    assert_aligned(&pictures, &samples(&stage.units, v1()));
    stage.ends().await;
}

#[tokio::test]
async fn a_rendition_that_is_not_lower_than_the_source_is_left_out() {
    let source = pictures("1", &["-g", "5"]);
    let mut stage = Stage::new("ffmpeg", &[rendition(120, Some(32_000)), rendition(60, None)]);
    let v2 = TrackId::new(TrackKind::Video, 2).unwrap();
    let begun: Vec<_> = source.iter().flat_map(|unit| stage.ladder.feed(unit)).collect();
    assert_eq!(begun, [v2]);
    assert_eq!(stage.ladder.expected(), [v2]);
    for _ in 0..10 {
        stage.hears().await;
    }
    assert_eq!(stage.news, [(v2, true)]);
    assert!(stage.units.iter().all(|unit| unit.track() == v2));
    stage.ends().await;
}

#[tokio::test]
async fn a_source_that_is_configured_anew_has_renditions_that_are_too() {
    let (one, mut other) = (
        pictures("2", &["-g", "10"]),
        pictures("2", &["-g", "10", "-level", "3.1"]),
    );
    let later = Duration::from_secs(2);
    for unit in &mut other {
        if let Unit::Sample(sample) = unit {
            sample.decode_time = sample.decode_time + later;
        }
    }
    assert_ne!(one[0], other[0]);
    let mut stage = Stage::new("ffmpeg", &[rendition(60, None)]);
    stage.plays(&one).await;
    stage.units.clear();
    stage.plays(&other).await;
    assert_aligned(&samples(&other, TrackId::VIDEO), &samples(&stage.units, v1())[..]);
    assert_eq!(stage.news, [(v1(), true), (v1(), true)]);
    stage.ends().await;
}

/// Pictures as MP4 holds them, made by that encoder: a file of one track, whose configuration is in a box of that code.
fn in_mp4(encoder: &[&str], code: [u8; 4], config: impl Fn(bytes::Bytes) -> Config) -> Vec<Unit> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.mp4");
    let path = path.to_str().unwrap();
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-t", "4", "-c:v"];
    ffmpeg(&[&picture[..], encoder, &[path]].concat());
    let file = std::fs::read(path).unwrap();
    let at = file.windows(4).position(|found| *found == code).unwrap();
    let size = u32::from_be_bytes(*file[at - 4..].first_chunk().unwrap()) as usize;
    let config = config(file[at + 4..at - 4 + size].to_vec().into());

    let mut reader = mp4::Mp4Reader::read_header(std::io::Cursor::new(&file), file.len() as u64).unwrap();
    let timescale = u64::from(reader.tracks()[&1].timescale());
    let mut units = vec![Unit::Config(TrackId::VIDEO, config)];
    for number in 1..=reader.sample_count(1).unwrap() {
        let sample = reader.read_sample(1, number).unwrap().unwrap();
        units.push(Unit::Sample(AccessUnit {
            track: TrackId::VIDEO,
            decode_time: Millis(7_000_000_000 + sample.start_time * 1000 / timescale),
            composition_offset: sample.rendering_offset * 1000 / i32::try_from(timescale).unwrap(),
            keyframe: sample.is_sync,
            data: sample.bytes,
        }));
    }
    units
}

async fn is_followed(source: &[Unit]) {
    let mut stage = Stage::new("ffmpeg", &[rendition(60, None)]);
    stage.plays(source).await;
    assert_aligned(&samples(source, TrackId::VIDEO), &samples(&stage.units, v1()));
    stage.ends().await;
}

#[tokio::test]
async fn hevc_is_followed_with_pictures_out_of_order() {
    let parameters = "bframes=3:keyint=20:log-level=none";
    let encoder = ["libx265", "-preset", "ultrafast", "-x265-params", parameters];
    let source = in_mp4(&encoder, *b"hvcC", Config::Hevc);
    let pictures = samples(&source, TrackId::VIDEO);
    assert!(pictures.iter().any(|picture| picture.composition_offset > 40));
    is_followed(&source).await;
}

#[tokio::test]
async fn av1_is_followed() {
    let encoder = ["libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "20"];
    is_followed(&in_mp4(&encoder, *b"av1C", Config::Av1)).await;
}

#[tokio::test]
async fn vp9_is_followed() {
    let encoder = [
        "libvpx-vp9",
        "-cpu-used",
        "8",
        "-deadline",
        "realtime",
        "-g",
        "20",
    ];
    is_followed(&in_mp4(&encoder, *b"vpcC", Config::Vp9)).await;
}

#[tokio::test]
async fn opus_is_followed() {
    // As an encoder of Enhanced RTMP sends it; each page of this Ogg file is a packet.
    let page = [
        "-f",
        "lavfi",
        "-i",
        "sine=r=48000",
        "-t",
        "4",
        "-ac",
        "2",
        "-c:a",
        "libopus",
    ];
    let file = ffmpeg(&[&page[..], &["-page_duration", "1", "-f", "ogg", "pipe:1"]].concat());
    let mut pages = packets(&file).into_iter();
    let head = pages.next().unwrap();
    let sound = pages.skip(1).zip(0_u64..).map(|(data, number)| {
        Unit::Sample(AccessUnit {
            track: TrackId::AUDIO,
            decode_time: Millis(5_000_000_000 + number * 20),
            composition_offset: 0,
            keyframe: true,
            data,
        })
    });
    let sound: Vec<_> = sound.collect();
    assert!(sound.len() > 150);
    let mut stage = Stage::new("ffmpeg", &[rendition(60, Some(32_000))]);
    // Whether there are renditions at all is known from the picture.
    for unit in pictures("1", &[]) {
        stage.ladder.feed(&unit);
    }
    let config = Unit::Config(TrackId::AUDIO, Config::Opus(head));
    stage.ladder.feed(&config);
    for unit in &sound {
        stage.ladder.feed(unit);
    }
    while stage.newest(a1()).0 < 5_000_003_000 {
        stage.hears().await;
    }
    let made = samples(&stage.units, a1());
    let begin = made[0].decode_time.0;
    assert!((5_000_000_000 - 45..=5_000_000_000).contains(&begin), "{begin}");
    stage.ends().await;
}

/// The packets of an Ogg file whose pages hold one each.
fn packets(mut file: &[u8]) -> Vec<bytes::Bytes> {
    let mut packets = Vec::new();
    while file.len() > 27 {
        let segments = usize::from(file[26]);
        let size: usize = file[27..27 + segments]
            .iter()
            .map(|&size| usize::from(size))
            .sum();
        let page = &file[27 + segments..];
        packets.push(bytes::Bytes::copy_from_slice(&page[..size]));
        file = &page[size..];
    }
    packets
}
