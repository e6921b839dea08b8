//! A real encoder comes, where there is one.

use std::process::{Output, Stdio};

use tokio::process::Command;

use super::encoder::KEY;
use super::origin::{Origin, soon};
use crate::ingest::Publisher;
use crate::media::{AccessUnit, Config, Millis, TrackKind, Unit};

/// Publishes two seconds of picture, encoded as the arguments say, and of sound.
fn ffmpeg(origin: &Origin, key: &str, video: &[&str]) -> Option<impl Future<Output = Output> + use<>> {
    let child = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error"])
        .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2"])
        .args(video)
        .args([
            "-c:a",
            "aac",
            "-f",
            "flv",
            &format!("rtmp://{}/live/{key}", origin.address),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    match child {
        Ok(child) => Some(async { soon("ffmpeg", child.wait_with_output()).await.unwrap() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no ffmpeg on the path");
            None
        }
        Err(error) => panic!("failed to start ffmpeg: {error}"),
    }
}

const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-bf",
    "2",
    "-g",
    "25",
    "-pix_fmt",
    "yuv420p",
];

/// Everything that a publisher sent.
#[derive(Default)]
struct Stream {
    configs: Vec<Config>,
    video: Vec<AccessUnit>,
    audio: Vec<AccessUnit>,
}

impl Stream {
    async fn of(mut publisher: Publisher) -> Self {
        let mut stream = Self::default();
        while let Some(unit) = soon("a unit", publisher.units.recv()).await {
            match unit {
                Unit::Config(_, config) => stream.configs.push(config),
                Unit::Sample(sample) if sample.track.kind() == TrackKind::Video => stream.video.push(sample),
                Unit::Sample(sample) => stream.audio.push(sample),
            }
        }
        stream
    }
}

#[tokio::test]
async fn ffmpeg_publishes_every_picture_and_all_sound() {
    let mut origin = Origin::open().await;
    let Some(encoder) = ffmpeg(&origin, KEY, H264) else {
        return;
    };
    let stream = async { Stream::of(origin.publisher().await).await };
    let (output, stream) = tokio::join!(encoder, stream);

    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());

    let [Config::Avc(avcc), Config::Aac(asc)] = &stream.configs[..] else {
        panic!("{:?}", stream.configs)
    };
    assert_eq!(avcc[0], 1, "an AVCDecoderConfigurationRecord of version 1");
    assert_eq!(asc[0] >> 3, 2, "AAC-LC");

    assert_eq!(stream.video.len(), 50);
    let keyframes: Vec<_> = (0..50).filter(|at| stream.video[*at].keyframe).collect();
    assert_eq!(keyframes, [0, 25]);
    assert!(
        stream.video.iter().any(|picture| picture.composition_offset > 0),
        "B-frames"
    );
    assert!(
        stream
            .video
            .windows(2)
            .all(|pair| pair[0].decode_time < pair[1].decode_time)
    );
    assert!(stream.video.iter().all(|picture| nal_units_fit(&picture.data)));

    // 2 s of frames of 1024 samples, and what the encoder puts before and after.
    assert!((94..=96).contains(&stream.audio.len()), "{}", stream.audio.len());
    let length = |samples: &[AccessUnit]| span(samples).1.since(span(samples).0).as_millis();
    assert!(
        (1900..=2100).contains(&length(&stream.video)),
        "{}",
        length(&stream.video)
    );
    assert!(
        (1900..=2100).contains(&length(&stream.audio)),
        "{}",
        length(&stream.audio)
    );
    origin.finish().await;
}

/// The first and the last decode time.
fn span(samples: &[AccessUnit]) -> (Millis, Millis) {
    let times = || samples.iter().map(|sample| sample.decode_time);
    (times().min().unwrap(), times().max().unwrap())
}

/// Whether lengths of four bytes lead exactly to the end.
fn nal_units_fit(mut data: &[u8]) -> bool {
    while let Some((length, rest)) = data.split_first_chunk() {
        let Some(rest) = rest.get(u32::from_be_bytes(*length) as usize..) else {
            return false;
        };
        data = rest;
    }
    data.is_empty()
}

#[tokio::test]
async fn ffmpeg_shows_why_it_was_refused() {
    let mut origin = Origin::open().await;

    let Some(wrong) = ffmpeg(&origin, "a-wrong-key", H264) else {
        return;
    };
    let shown = String::from_utf8_lossy(&wrong.await.stderr).into_owned();
    assert!(shown.contains("no channel has this stream key"), "{shown}");

    let Some(old) = ffmpeg(&origin, KEY, &["-c:v", "flv1"]) else {
        return;
    };
    let (output, stream) = tokio::join!(old, async { Stream::of(origin.publisher().await).await });
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        shown.contains("Sorenson H.263 is not supported: send H.264, HEVC, AV1 or VP9 video"),
        "{shown}"
    );
    assert!(stream.video.is_empty());

    let Some(lost) = ffmpeg(&origin, "a/key", H264) else {
        return;
    };
    let shown = String::from_utf8_lossy(&lost.await.stderr).into_owned();
    assert!(shown.contains("rtmp://HOST/live"), "{shown}");
    origin.finish().await;
}
