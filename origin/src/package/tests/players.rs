//! What players make of it: ffmpeg decodes each track without a complaint, and both begin together.

use std::fs;
use std::path::Path;
use std::process::Command;

use wire::id::TrackId;

use super::{encoder, package};

/// What a program says, which must not be a complaint.
pub(super) fn run(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(["-v", "error"])
        .args(arguments)
        .arg("-i")
        .arg(file)
        .args(if program == "ffmpeg" {
            ["-f", "null", "-"].as_slice()
        } else {
            &[]
        })
        .output()
        .expect("these tests need ffmpeg");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{program}: {complaints}"
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn probe(file: &Path, entries: &str) -> String {
    let entries = format!("stream={entries}");
    run(
        "ffprobe",
        &["-count_frames", "-show_entries", &entries, "-of", "csv=p=0"],
        file,
    )
    .trim()
    .to_owned()
}

#[test]
fn ffmpeg_decodes_every_frame_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let output = package(encoder::pictures_and_sound(7, 50)).unwrap();
    for track in [TrackId::VIDEO, TrackId::AUDIO] {
        let file = folder.path().join(track.to_string());
        fs::write(&file, output.file(track)).unwrap();
        run("ffmpeg", &["-xerror", "-err_detect", "explode"], &file);
        if track == TrackId::VIDEO {
            let told = probe(
                &file,
                "codec_name,width,height,sample_aspect_ratio,r_frame_rate,nb_read_frames",
            );
            assert_eq!(told, "h264,320,180,1:1,25/1,175");
        } else {
            assert_eq!(
                probe(&file, "codec_name,profile,sample_rate,channels"),
                "aac,LC,48000,2"
            );
        }
    }
}

#[test]
fn pictures_and_sound_begin_together() {
    let folder = tempfile::tempdir().unwrap();
    let output = package(encoder::pictures_and_sound(3, 50)).unwrap();
    let start = |track: TrackId| -> f64 {
        let file = folder.path().join(track.to_string());
        fs::write(&file, output.file(track)).unwrap();
        probe(&file, "start_time").parse().unwrap()
    };

    let (pictures, sound) = (start(TrackId::VIDEO), start(TrackId::AUDIO));
    assert!(pictures.abs() < 0.000_1, "pictures begin at {pictures}");
    assert!(
        (0.0..1024.0 / 48_000.0).contains(&sound),
        "sound begins at {sound}"
    );
}

#[test]
fn a_segment_plays_without_the_ones_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = package(encoder::pictures_and_sound(7, 50)).unwrap();
    for track in [TrackId::VIDEO, TrackId::AUDIO] {
        let file = folder.path().join(track.to_string());
        let mut bytes = output.init(track).1.to_vec();
        for chunk in &output.segments(track)[2] {
            bytes.extend_from_slice(&chunk.head);
            bytes.extend_from_slice(&chunk.body);
        }
        fs::write(&file, bytes).unwrap();
        run("ffmpeg", &["-xerror", "-err_detect", "explode"], &file);
    }
}

#[test]
fn shape_and_colours_of_the_picture_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "-vf",
        "setsar=4/3",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-colorspace",
        "bt709",
        "-color_range",
        "tv",
    ];
    let output = package(encoder::pictures(2, &settings)).unwrap();
    let file = folder.path().join("picture");
    fs::write(&file, output.file(TrackId::VIDEO)).unwrap();

    let told = probe(
        &file,
        "sample_aspect_ratio,display_aspect_ratio,color_range,color_space,color_transfer,color_primaries",
    );
    assert_eq!(told, "4:3,64:27,tv,bt709,bt709,bt709");
    let init = output.init(TrackId::VIDEO).1;
    for kind in [b"colr", b"pasp"] {
        assert!(
            init.windows(4).any(|bytes| bytes == kind),
            "{}",
            String::from_utf8_lossy(kind)
        );
    }
}

#[test]
fn the_mp4_crate_reads_the_init_segments() {
    let output = package(encoder::pictures_and_sound(3, 50)).unwrap();
    let read = |track| {
        let file = output.file(track);
        let size = file.len() as u64;
        mp4::Mp4Reader::read_header(std::io::Cursor::new(file), size).unwrap()
    };
    let video = read(TrackId::VIDEO);
    assert_eq!(
        video.major_brand().to_string(),
        "cmfc",
        "B-frames want an edit list"
    );
    assert_eq!(video.sample_count(1).unwrap(), 75);
    assert_eq!(
        (video.tracks()[&1].width(), video.tracks()[&1].height()),
        (320, 180)
    );
    assert_eq!(video.timescale(), 90_000);

    let audio = read(TrackId::AUDIO);
    assert_eq!(audio.major_brand().to_string(), "cmf2");
    assert_eq!(
        audio.tracks()[&1].audio_profile().unwrap(),
        mp4::AudioObjectType::AacLowComplexity
    );
    assert_eq!(
        audio.tracks()[&1].sample_freq_index().unwrap(),
        mp4::SampleFreqIndex::Freq48000
    );
    assert_eq!(
        audio.tracks()[&1].channel_config().unwrap(),
        mp4::ChannelConfig::Stereo
    );
}
