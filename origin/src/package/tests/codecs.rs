//! Every codec goes all the way: an encoder's samples in hand-made tags, units, pieces, and frames in a player.

use std::fs;
use std::process::Command;
use std::time::Duration;

use mp4_atom::{Atom, Codec};
use wire::id::{TrackId, TrackKind};

use super::demux::{self, File};
use super::players::{probe, run};
use super::{Cut, Feed as _, Output, PackageError, Packager, package, synthetic};
use crate::ingest::flv::Tags;
use crate::media::Unit;

const PICTURES: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-g", "25"];
const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];

/// Two seconds of what ffmpeg encodes so.
fn encode(arguments: &[&[&str]]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoded.mp4");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments.iter().copied().flatten())
        .args(["-t", "2", "-f", "mp4"])
        .arg(&path)
        .env("SVT_LOG", "1")
        .output()
        .expect("these tests need ffmpeg");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    demux::read(&fs::read(path).unwrap())
}

/// The body of a box.
fn body(atom: &impl Atom) -> Vec<u8> {
    let mut bytes = Vec::new();
    atom.encode_body(&mut bytes).unwrap();
    bytes
}

/// How an encoder of Enhanced RTMP sends its packets.
#[derive(Clone, Copy)]
enum Way {
    /// With the time from decoding to showing.
    Timed,
    /// Without, and with nanoseconds in front.
    Extended,
    /// As the only one of several tracks.
    OneOfMany,
}

/// The tag of a packet, as "Enhanced RTMP" v2 draws it.
fn tag(kind: TrackKind, code: &str, keyframe: bool, packet: u8, way: Way, data: &[u8]) -> Vec<u8> {
    // An audio tag and a keyframe begin alike.
    let head = if keyframe { 0x90 } else { 0xa0 };
    let several = if kind == TrackKind::Video { 6 } else { 5 };
    match way {
        Way::Timed => [&[head | packet][..], code.as_bytes(), data].concat(),
        Way::Extended => [&[head | 7, 2, 0, 0, 9, packet][..], code.as_bytes(), data].concat(),
        Way::OneOfMany => [&[head | several, packet][..], code.as_bytes(), &[0], data].concat(),
    }
}

/// What the ingest makes of the file's samples in tags.
fn units(file: &File, code: &str, config: &[u8], way: Way) -> Vec<Unit> {
    let kind = match code {
        "Opus" | "mp4a" => TrackKind::Audio,
        _ => TrackKind::Video,
    };
    let mut tags = Tags::default();
    let mut read = |time, tag: &[u8]| match kind {
        TrackKind::Video => tags.video(time, tag).unwrap(),
        TrackKind::Audio => tags.audio(time, tag).unwrap(),
    };
    let mut units = Vec::new();
    units.extend(read(0, &tag(kind, code, true, 0, way, config)));
    for sample in &file.samples {
        let ms = |ticks: i64| ticks * 1000 / i64::from(file.timescale);
        let time = u32::try_from(ms(sample.decoded.try_into().unwrap())).unwrap();
        let (packet, before) = match (code, ms(sample.offset)) {
            ("hvc1" | "avc1", 0) => (3, Vec::new()),
            ("hvc1" | "avc1", offset) => (1, i32::try_from(offset).unwrap().to_be_bytes()[1..].to_vec()),
            // As a stream has it, and a file does not.
            ("av01", _) => (1, vec![0x12, 0]),
            _ => (1, Vec::new()),
        };
        let data = [before, sample.data.clone()].concat();
        units.extend(read(time, &tag(kind, code, sample.keyframe, packet, way, &data)));
    }
    units.extend(read(u32::MAX >> 1, &tag(kind, code, true, 2, way, &[])));
    assert_eq!(
        units.len(),
        file.samples.len() + 1,
        "a configuration, and every sample"
    );
    units
}

/// Lets ffmpeg decode a track, which it does without a complaint, and tells what it found.
fn played(output: &Output, track: TrackId, entries: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("played");
    fs::write(&file, output.file(track)).unwrap();
    run("ffmpeg", &["-xerror", "-err_detect", "explode"], &file);
    probe(&file, entries)
}

const OF_VIDEO: &str =
    "codec_name,codec_tag_string,width,height,pix_fmt,color_transfer,r_frame_rate,nb_read_frames";
const OF_AUDIO: &str = "codec_name,codec_tag_string,sample_rate,channels,nb_read_frames";

#[test]
fn hevc_with_a_changed_order_plays() {
    let file = encode(&[
        PICTURES,
        &[
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p10le",
        ],
        &[
            "-x265-params",
            "log-level=error:bframes=2:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
        ],
    ]);
    let Codec::Hev1(entry) = &file.entry else {
        panic!("{:?}", file.entry)
    };
    assert!(file.samples.iter().any(|sample| sample.offset > 0), "B-frames");
    for way in [Way::Timed, Way::Extended] {
        let output = package(units(&file, "hvc1", &body(&entry.hvcc), way)).unwrap();

        let description = output.init(TrackId::VIDEO).0;
        assert_eq!(description.codecs, "hvc1.2.4.L60.90");
        assert_eq!(
            played(&output, TrackId::VIDEO, OF_VIDEO),
            "hevc,hvc1,320,180,yuv420p10le,smpte2084,25/1,50"
        );
    }
}

#[test]
fn av1_plays_whoever_encoded_it() {
    for encoder in [
        &["-c:v", "libsvtav1", "-preset", "12"][..],
        &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"],
    ] {
        let file = encode(&[PICTURES, encoder, &["-pix_fmt", "yuv420p"]]);
        let Codec::Av01(entry) = &file.entry else {
            panic!("{:?}", file.entry)
        };
        let output = package(units(&file, "av01", &body(&entry.av1c), Way::OneOfMany)).unwrap();

        let codecs = &output.init(TrackId::VIDEO).0.codecs;
        assert_eq!(codecs, "av01.0.00M.08");
        assert_eq!(
            played(&output, TrackId::VIDEO, OF_VIDEO),
            "av1,av01,320,180,yuv420p,unknown,25/1,50"
        );
    }
}

#[test]
fn vp9_plays_in_the_size_of_its_first_keyframe() {
    let file = encode(&[
        PICTURES,
        &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
    ]);
    let Codec::Vp09(entry) = &file.entry else {
        panic!("{:?}", file.entry)
    };
    let mut record = Vec::new();
    mp4_atom::Encode::encode(&entry.vpcc, &mut record).unwrap();
    let output = package(units(&file, "vp09", &record[12..], Way::Timed)).unwrap();

    let description = output.init(TrackId::VIDEO).0;
    assert_eq!(description.codecs, "vp09.00.11.08");
    assert_eq!(
        played(&output, TrackId::VIDEO, OF_VIDEO),
        "vp9,vp09,320,180,yuv420p,unknown,25/1,50"
    );
}

#[test]
fn opus_plays_whatever_its_packets_last() {
    // Packets that are no more than what the encoder added are none of these frames: players pass over them.
    for (channels, packet_ms, packets) in [
        ("2", "20", 101),
        ("6", "20", 101),
        ("2", "60", 34),
        ("1", "2.5", 800),
    ] {
        let file = encode(&[
            SOUND,
            &["-c:a", "libopus", "-ac", channels, "-frame_duration", packet_ms],
        ]);
        let Codec::Opus(entry) = &file.entry else {
            panic!("{:?}", file.entry)
        };
        let output = package(units(&file, "Opus", &opus_head(&entry.dops), Way::Timed)).unwrap();

        assert_eq!(output.init(TrackId::AUDIO).0.codecs, "opus");
        assert_eq!(
            played(&output, TrackId::AUDIO, OF_AUDIO),
            format!("opus,Opus,48000,{channels},{packets}")
        );
        let lasts: u64 = output
            .chunks(TrackId::AUDIO)
            .iter()
            .map(|chunk| u64::from(chunk.duration))
            .sum();
        assert!(
            (96_000..=99_840).contains(&lasts),
            "2 s and what the encoder adds: {lasts}"
        );
    }
}

/// What a file has in `dOps`, as a stream has it (RFC 7845 §5.1).
fn opus_head(dops: &mp4_atom::Dops) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(dops.output_channel_count);
    head.extend(dops.pre_skip.to_le_bytes());
    head.extend(dops.input_sample_rate.to_le_bytes());
    head.extend(dops.output_gain.to_le_bytes());
    match &dops.channel_mapping {
        None => head.push(0),
        Some(mapping) => {
            head.extend([mapping.family, mapping.stream_count, mapping.coupled_count]);
            head.extend(&mapping.channel_mapping);
        }
    }
    head
}

/// Half a second of tones and noise from Fraunhofer's encoder: frames in ADTS, whose headers know nothing of what is
/// replicated.
const HE_AAC: &[u8] = include_bytes!("he-aac.adts");
const HE_AAC_V2: &[u8] = include_bytes!("he-aac-v2.adts");

/// Frames of sound that last 2048 samples of 48 kHz, in tags of old.
fn high_efficiency(config: &[u8], mut adts: &[u8]) -> Vec<Unit> {
    let mut tags = Tags::default();
    let mut units = Vec::new();
    units.extend(tags.audio(0, &[&[0xaf, 0], config].concat()).unwrap());
    for frame in 0.. {
        let Some(&[_, _, _, high, middle, low, _]) = adts.first_chunk() else {
            break;
        };
        let length = usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
        let (whole, rest) = adts.split_at(length);
        adts = rest;
        units.extend(
            tags.audio(frame * 2048 / 48, &[&[0xaf, 1], &whole[7..]].concat())
                .unwrap(),
        );
    }
    units
}

#[test]
fn high_efficiency_aac_plays_however_it_is_told() {
    // Type 5 around type 2; type 2 and 0x2b7 behind it; nothing but the core.
    for (config, codecs) in [
        (&[0x2b, 0x11, 0x88, 0x00][..], "mp4a.40.5"),
        (&[0x13, 0x10, 0x56, 0xe5, 0x98], "mp4a.40.5"),
        (&[0x13, 0x10], "mp4a.40.2"),
    ] {
        let units = high_efficiency(config, HE_AAC);
        let frames = units.len() - 1;
        let output = package(units).unwrap();

        assert_eq!(output.init(TrackId::AUDIO).0.codecs, codecs);
        assert_eq!(
            played(
                &output,
                TrackId::AUDIO,
                "profile,sample_rate,channels,nb_read_frames"
            ),
            format!("HE-AAC,48000,2,{frames}")
        );
    }
    // Type 29 around type 2; type 2, 0x2b7 and 0x548 behind it; nothing but the core, which has one channel.
    for (config, codecs) in [
        (&[0xeb, 0x09, 0x88, 0x00][..], "mp4a.40.29"),
        (&[0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80], "mp4a.40.29"),
        (&[0x13, 0x08], "mp4a.40.2"),
    ] {
        let units = high_efficiency(config, HE_AAC_V2);
        let frames = units.len() - 1;
        let output = package(units).unwrap();

        let description = output.init(TrackId::AUDIO).0;
        assert_eq!(description.codecs, codecs);
        assert_eq!(
            played(
                &output,
                TrackId::AUDIO,
                "profile,sample_rate,channels,nb_read_frames"
            ),
            format!("HE-AACv2,48000,2,{frames}")
        );
    }
}

#[test]
fn surround_plays_and_what_browsers_would_not_play_is_refused_in_words() {
    for (layout, channels) in [("5.1", 6), ("7.1", 8), ("4.0", 4)] {
        let filter = format!("aformat=channel_layouts={layout}");
        let file = encode(&[SOUND, &["-af", &filter, "-c:a", "aac"]]);
        let output = package(units(&file, "mp4a", &asc(&file), Way::OneOfMany)).unwrap();

        let description = output.init(TrackId::AUDIO).0;
        assert_eq!(description.audio.unwrap().channels, channels);
        let frames = file.samples.len();
        assert_eq!(
            played(&output, TrackId::AUDIO, OF_AUDIO),
            format!("aac,mp4a,48000,{channels},{frames}")
        );
    }

    let file = encode(&[
        SOUND,
        &["-af", "aformat=channel_layouts=5.1(side)", "-c:a", "aac"],
    ]);
    let refusal = package(units(&file, "mp4a", &asc(&file), Way::Timed))
        .err()
        .unwrap();
    assert!(
        refusal.to_string().contains("5.1 with surround at the back"),
        "{refusal}"
    );
}

/// The configuration of a file's AAC.
fn asc(file: &File) -> Vec<u8> {
    let Codec::Mp4a(entry) = &file.entry else {
        panic!("{:?}", file.entry)
    };
    entry
        .esds
        .es_desc
        .dec_config
        .dec_specific
        .as_ref()
        .unwrap()
        .raw
        .clone()
}

#[test]
fn a_picture_that_changes_its_size_without_a_word_begins_anew() {
    let vp9 = &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"];
    let large = encode(&[PICTURES, vp9]);
    let small = encode(&[PICTURES, vp9, &["-s", "160x90"]]);
    let record = &[0, 11, 0x82, 2, 2, 2, 0, 0];
    let change = units(&small, "vp09", record, Way::Timed)
        .into_iter()
        .skip(1)
        .map(|unit| match unit {
            Unit::Sample(mut sample) => {
                sample.decode_time = sample.decode_time + Duration::from_secs(2);
                Unit::Sample(sample)
            }
            config @ Unit::Config(..) => config,
        });
    let mut packager = Packager::new(Cut::default(), []);
    // With sound, so that it begins at once.
    packager.feed(synthetic::audio_config()).unwrap();
    packager.feed(synthetic::sound(1 << 32)).unwrap();
    for unit in units(&large, "vp09", record, Way::Timed) {
        packager.feed(unit).unwrap();
    }

    let mut change = change.peekable();
    let first = change.peek().unwrap().clone();
    assert_eq!(
        packager.feed(first),
        Err(PackageError::Reconfigured(TrackId::VIDEO))
    );
    packager.finish();
    let mut next = packager.anew();
    let mut pieces = Vec::new();
    for unit in change {
        pieces.extend(next.feed(unit).unwrap());
    }
    pieces.extend(next.finish());
    assert!(played(&Output { pieces }, TrackId::VIDEO, OF_VIDEO).starts_with("vp9,vp09,160,90,"));
}
