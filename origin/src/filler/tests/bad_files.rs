//! A file that is of no use is refused when the program starts, with its name and what is wrong.

use std::fs;
use std::path::Path;

use super::{AAC, Files, H264, PICTURES, SOUND, open};

fn refused(path: &Path, words: &[&str]) {
    let refusal = open(path).expect_err("it is of no use").to_string();
    let named = path.file_name().unwrap().to_str().unwrap();
    for word in words.iter().chain([&named]) {
        assert!(refusal.contains(word), "{word:?} is not in {refusal:?}");
    }
}

#[test]
fn what_is_no_file_or_no_mp4_is_refused() {
    let files = Files::new();
    refused(&files.path("nowhere.mp4"), &["cannot be read", "No such file"]);
    for (name, content) in [
        ("empty.mp4", &b""[..]),
        ("text.mp4", b"this is a letter to a friend"),
        ("short.mp4", b"\0\0\0\x10f"),
        ("zeros.mp4", &[0; 4096]),
    ] {
        let path = files.path(name);
        fs::write(&path, content).unwrap();
        refused(&path, &["is no MP4 file"]);
    }
    refused(
        &files.make("other.mkv", &[PICTURES, H264, &["-t", "1"]]),
        &["is no MP4 file"],
    );
}

#[test]
fn other_codecs_are_named_with_a_remedy() {
    let files = Files::new();
    let second = &["-t", "2"][..];
    for (name, settings, words) in [
        (
            "hevc.mp4",
            &[
                PICTURES,
                &["-c:v", "libx265", "-x265-params", "log-level=none"],
                second,
            ][..],
            &["video", "HEVC (hev1)", "H.264"][..],
        ),
        (
            "mpeg4.mp4",
            &[PICTURES, &["-c:v", "mpeg4"], second],
            &["MPEG-4 Part 2 (mp4v)"],
        ),
        (
            "opus.mp4",
            &[PICTURES, SOUND, H264, &["-c:a", "libopus"], second],
            &["sound", "Opus", "AAC"],
        ),
        (
            "mp3.mp4",
            &[PICTURES, SOUND, H264, &["-c:a", "libmp3lame"], second],
            &["sound", "mp4a of object type 0x6b"],
        ),
    ] {
        let path = files.make(name, settings);
        refused(&path, words);
        refused(&path, &["ffmpeg"]);
    }
}

#[test]
fn fragmented_files_are_refused_with_a_remedy() {
    let files = Files::new();
    let movflags = &["-movflags", "frag_keyframe+empty_moov", "-t", "2"];
    let path = files.make("fragmented.mp4", &[PICTURES, SOUND, H264, AAC, movflags]);
    refused(&path, &["fragmented", "-c copy"]);
}

#[test]
fn files_that_were_cut_off_are_refused_wherever_they_were() {
    let files = Files::new();
    for (name, movflags) in [("end.mp4", "+empty"), ("front.mp4", "+faststart")] {
        let movflags = if movflags == "+empty" {
            &[][..]
        } else {
            &["-movflags", movflags][..]
        };
        let path = files.make(name, &[PICTURES, SOUND, H264, AAC, &["-t", "2"], movflags]);
        let whole = fs::read(&path).unwrap();
        open(&path).unwrap();
        let cut = files.path("cut.mp4");
        for end in (0..whole.len())
            .step_by(997)
            .chain(1..64)
            .chain([whole.len() - 1])
        {
            fs::write(&cut, &whole[..end]).unwrap();
            assert!(open(&cut).is_err(), "{name} of {end} bytes");
        }
        fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        refused(&cut, &["it was not copied whole"]);
    }
}

#[test]
fn what_players_could_not_follow_is_refused() {
    let files = Files::new();
    let path = files.make("rare.mp4", &[PICTURES, H264, &["-g", "400", "-t", "12"]]);
    refused(&path, &["no keyframe for 12.0 s", "10.0 s", "-g 50"]);
    let path = files.make("slides.mp4", &[PICTURES, H264, &["-r", "0.5", "-t", "8"]]);
    refused(&path, &["video pauses for 2.0 s"]);
    let path = files.make("blink.mp4", &[PICTURES, H264, &["-t", "0.4"]]);
    refused(&path, &["lasts 0.4 s"]);
}

#[test]
fn no_damage_to_a_header_does_more_than_to_refuse_the_file() {
    let files = Files::new();
    let path = files.make("both.mp4", &[PICTURES, SOUND, H264, AAC, &["-t", "1.5"]]);
    let whole = fs::read(&path).unwrap();
    let moov = whole.windows(4).position(|bytes| bytes == b"moov").unwrap();
    let damaged = files.path("damaged.mp4");
    for at in moov - 4..whole.len() {
        for value in [0, 0xff] {
            // Most of it are tables; every byte of what is not.
            if at % 7 != 0 && at > moov + 600 {
                continue;
            }
            let mut bytes = whole.clone();
            bytes[at] = value;
            fs::write(&damaged, &bytes).unwrap();
            if let Ok(filler) = open(&damaged) {
                let _ = filler.units_before(std::time::Duration::from_secs(3));
            }
        }
    }
}
