//! A recording plays: every picture and all sound, in time, and from anywhere.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use wire::id::{Epoch, TrackId, TrackKind};

use super::super::name::Stage;
use super::{EPOCH, Studio, decode, decoded, pieces, probe, until};
use crate::filler::{AAC, Files, H264, PICTURES, SOUND};
use crate::package::{Packaged, RawChunk, TrackDescription};

const BOTH: &[&[&str]] = &[PICTURES, SOUND, H264, AAC, &["-t", "5"]];
const LENGTH: Duration = Duration::from_secs(8);

fn boxes(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).unwrap();
    let (mut at, mut kinds) = (0, Vec::new());
    while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let size = u32::from_be_bytes(*header.first_chunk().unwrap());
        kinds.push(String::from_utf8(header[4..8].to_vec()).unwrap());
        at += match size {
            1 => usize::try_from(u64::from_be_bytes(*header.last_chunk().unwrap())).unwrap(),
            size => size as usize,
        };
    }
    assert_eq!(at, bytes.len(), "boxes cover the file");
    kinds
}

#[tokio::test]
async fn every_picture_and_all_sound_are_there_in_time_with_an_index() {
    let pieces = pieces(BOTH, LENGTH);
    let studio = Studio::open();
    assert!(studio.record(EPOCH, &pieces).await);
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists()).await;

    assert_eq!(studio.files(), ["2026-11-03T09-15-00Z-1793697300000.mp4"]);
    assert_eq!(boxes(&file), ["ftyp", "mdat", "moov"], "an ordinary file");
    decode(&file);
    let told = probe(&file, "stream=codec_type,start_time,nb_frames", &[]);
    assert_eq!(told[0], "video,0.000000,201", "the index knows its pictures");
    assert!(told[1].starts_with("audio,0.0"), "{told:?}");
    assert_eq!(decoded(&file)[0], 201);
    let lasts: Vec<f64> = probe(&file, "stream=duration:format=duration", &[])
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    assert!(lasts.iter().all(|lasts| (7.9..8.1).contains(lasts)), "{lasts:?}");
    let began = probe(&file, "format_tags=creation_time", &[]);
    assert_eq!(began, ["2026-11-03T09:15:00.000000Z"]);
    studio.close().await;
}

#[tokio::test]
async fn pictures_are_shown_when_they_were_in_the_stream() {
    let pieces = pieces(BOTH, LENGTH);
    let studio = Studio::open();
    studio.record(EPOCH, &pieces).await;
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists()).await;
    let times = probe(
        &file,
        "frame=best_effort_timestamp_time",
        &["-select_streams", "v"],
    );
    for (number, time) in (0_u32..).zip(&times) {
        let time: f64 = time.parse().unwrap();
        assert!(
            (time - f64::from(number) / 25.0).abs() < 0.002,
            "picture {number} at {time}"
        );
    }
    studio.close().await;
}

#[tokio::test]
async fn it_can_be_entered_anywhere() {
    let pieces = pieces(BOTH, LENGTH);
    let studio = Studio::open();
    studio.record(EPOCH, &pieces).await;
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists()).await;
    let entered = probe(
        &file,
        "packet=pts_time,flags",
        &["-select_streams", "v", "-read_intervals", "5.5%+#1"],
    );
    let (time, flags) = entered[0].split_once(',').unwrap();
    let time: f64 = time.parse().unwrap();
    assert!(
        (3.9..=5.5).contains(&time) && flags.starts_with('K'),
        "{entered:?}"
    );
    studio.close().await;
}

#[tokio::test]
async fn another_reader_finds_the_same_samples() {
    let pieces = pieces(BOTH, LENGTH);
    let studio = Studio::open();
    studio.record(EPOCH, &pieces).await;
    let path = studio.file(EPOCH, Stage::Whole);
    until(|| path.exists()).await;

    let mut file = mp4::read_mp4(fs::File::open(&path).unwrap()).unwrap();
    assert!(!file.is_fragmented());
    assert_eq!(file.sample_count(1).unwrap(), 201);
    let mut media = Vec::new();
    for number in 1..=201 {
        media.extend(file.read_sample(1, number).unwrap().unwrap().bytes);
    }
    let mut sent: Vec<u8> = Vec::new();
    for piece in &pieces {
        if let Packaged::Chunk(chunk) = piece
            && chunk.track == TrackId::VIDEO
        {
            let moof = u32::from_be_bytes(*chunk.body.first_chunk().unwrap()) as usize;
            sent.extend(&chunk.body[moof + 8..]);
        }
    }
    assert!(media == sent, "every byte of the pictures");
    studio.close().await;
}

#[tokio::test]
async fn sound_alone_and_pictures_alone_are_recorded() {
    for (settings, kind) in [
        (&[SOUND, AAC, &["-t", "3"]][..], "audio"),
        (&[PICTURES, H264, &["-t", "3"]], "video"),
    ] {
        let pieces = pieces(settings, LENGTH);
        let studio = Studio::open();
        studio.record(EPOCH, &pieces).await;
        let file = studio.file(EPOCH, Stage::Whole);
        until(|| file.exists()).await;
        decode(&file);
        assert_eq!(probe(&file, "stream=codec_type", &[]), [kind]);
        studio.close().await;
    }
}

#[tokio::test]
async fn an_epoch_without_a_chunk_leaves_no_file() {
    let pieces = pieces(BOTH, LENGTH);
    let studio = Studio::open();
    studio.record(EPOCH, &pieces[..2]).await;
    let next = Epoch(EPOCH.0 + 1);
    studio.record(next, &pieces).await;
    let file = studio.file(next, Stage::Whole);
    until(|| file.exists()).await;
    assert_eq!(studio.files().len(), 1);
    studio.close().await;
}

#[tokio::test]
async fn renditions_are_not_recorded() {
    let mut pieces = pieces(BOTH, LENGTH);
    let rendition = TrackId::new(TrackKind::Video, 1).unwrap();
    let copies: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Packaged::Chunk(chunk) => {
                let mut chunk = chunk.clone();
                chunk.track = rendition;
                Some(Packaged::Chunk(chunk))
            }
            Packaged::Init { .. } => None,
        })
        .collect();
    pieces.extend(copies);
    let studio = Studio::open();
    studio.record(EPOCH, &pieces).await;
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists()).await;
    assert_eq!(decoded(&file)[0], 201);
    studio.close().await;
}

/// A file that ffmpeg wrote in fragments of one track, as packaging hands such a track on.
fn fragmented(track: TrackId, settings: &[&[&str]]) -> Vec<Packaged> {
    let files = Files::new();
    let movflags = &[
        "-movflags",
        "+frag_keyframe+empty_moov+default_base_moof+delay_moov",
        "-t",
        "3",
    ];
    let file =
        Bytes::from(fs::read(files.make("track.mp4", &[settings.concat().as_slice(), movflags])).unwrap());
    let (mut at, mut from) = (0, 0);
    let mut pieces = Vec::new();
    while let Some(header) = file.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        at += u32::from_be_bytes(*header.first_chunk().unwrap()) as usize;
        match &header[4..] {
            b"moov" => pieces.push(Packaged::Init {
                description: TrackDescription {
                    track,
                    codecs: String::new(),
                    timescale: 1,
                    video: None,
                    audio: None,
                },
                bytes: file.slice(..at),
            }),
            b"mdat" => pieces.push(Packaged::Chunk(RawChunk {
                track,
                segment: 1,
                index: 0,
                last: false,
                time: 0,
                duration: 0,
                timescale: 1,
                head: Bytes::new(),
                body: file.slice(from..at),
            })),
            b"ftyp" | b"moof" | b"mfra" => {}
            other => panic!("{}", other.escape_ascii()),
        }
        if &header[4..] != b"moof" {
            from = at;
        }
    }
    pieces
}

#[tokio::test]
async fn every_codec_is_recorded() {
    let video: &[(&str, &[&str])] = &[
        (
            "hevc",
            &[
                "-c:v",
                "libx265",
                "-x265-params",
                "log-level=none",
                "-tag:v",
                "hvc1",
            ],
        ),
        (
            "av1",
            &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"],
        ),
        ("vp9", &["-c:v", "libvpx-vp9", "-deadline", "realtime"]),
    ];
    for &(codec, encoder) in video {
        let mut pieces = fragmented(TrackId::VIDEO, &[PICTURES, encoder, &["-g", "25"]]);
        let sound = fragmented(TrackId::AUDIO, &[SOUND, &["-c:a", "libopus"]]);
        // Init segments come before chunks.
        pieces.extend(sound);
        pieces.sort_by_key(|piece| matches!(piece, Packaged::Chunk(_)));
        let studio = Studio::open();
        assert!(studio.record(EPOCH, &pieces).await);
        let file = studio.file(EPOCH, Stage::Whole);
        until(|| file.exists()).await;
        decode(&file);
        assert_eq!(probe(&file, "stream=codec_name", &[]), [codec, "opus"]);
        assert_eq!(decoded(&file), [75, 151], "{codec}");
        studio.close().await;
    }
}
