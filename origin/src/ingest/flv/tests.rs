use std::time::Duration;

use proptest::prelude::*;

use super::*;

const AVCC: [u8; 4] = [1, 100, 0, 31];
const ASC: [u8; 2] = [0x12, 0x10];

/// Tags of a publisher whose configurations came.
fn configured() -> Tags {
    let mut tags = Tags::default();
    tags.video(0, &[&[0x17, 0, 0, 0, 0][..], &AVCC].concat()).unwrap();
    tags.audio(0, &[&[0xaf, 0][..], &ASC].concat()).unwrap();
    tags
}

fn sample(unit: Option<Unit>) -> AccessUnit {
    match unit {
        Some(Unit::Sample(sample)) => sample,
        other => panic!("no sample but {other:?}"),
    }
}

#[test]
fn a_sequence_header_is_a_configuration() {
    let mut tags = Tags::default();

    let video = tags.video(0, &[&[0x17, 0, 0, 0, 0][..], &AVCC].concat()).unwrap();
    let audio = tags.audio(0, &[&[0xaf, 0][..], &ASC].concat()).unwrap();

    let avcc = Bytes::copy_from_slice(&AVCC);
    assert_eq!(video, Some(Unit::Config(TrackId::VIDEO, Config::Avc(avcc))));
    let asc = Bytes::copy_from_slice(&ASC);
    assert_eq!(audio, Some(Unit::Config(TrackId::AUDIO, Config::Aac(asc))));
}

#[test]
fn a_picture_keeps_its_times_and_its_bytes() {
    let mut tags = configured();

    let key = sample(tags.video(40, &[0x17, 1, 0, 0, 80, 0, 0, 0, 1, 0x65]).unwrap());
    assert!(key.keyframe);
    assert_eq!((key.track.kind(), key.composition_offset), (TrackKind::Video, 80));
    assert_eq!(key.data, [0, 0, 0, 1, 0x65][..]);

    let next = sample(
        tags.video(80, &[0x27, 1, 0xff, 0xff, 0xd8, 0, 0, 0, 1, 0x41])
            .unwrap(),
    );
    assert!(!next.keyframe);
    assert_eq!(next.composition_offset, -40);
    assert_eq!(next.decode_time.since(key.decode_time), Duration::from_millis(40));

    let sound = sample(tags.audio(61, &[0xaf, 1, 0x21, 0x00]).unwrap());
    assert!(sound.keyframe);
    assert_eq!(
        (sound.track.kind(), sound.composition_offset),
        (TrackKind::Audio, 0)
    );
    assert_eq!(sound.data, [0x21, 0x00][..]);
    assert_eq!(
        sound.decode_time.since(key.decode_time),
        Duration::from_millis(21)
    );
}

#[test]
fn composition_offsets_are_signed_24_bit_numbers() {
    assert_eq!(signed([0, 0, 1]), 1);
    assert_eq!(signed([0xff, 0xff, 0xff]), -1);
    assert_eq!(signed([0x7f, 0xff, 0xff]), 8_388_607);
    assert_eq!(signed([0x80, 0, 0]), -8_388_608);
}

#[test]
fn the_clock_goes_on_where_32_bits_end() {
    let mut clock = Clock::default();
    let before = clock.read(u32::MAX - 9);
    let after = clock.read(30);
    assert_eq!(after.since(before), Duration::from_millis(40));

    // Sound that is a little behind, across the same border.
    assert_eq!(clock.read(u32::MAX), before + Duration::from_millis(9));
    assert_eq!(clock.read(40), after + Duration::from_millis(10));
}

#[test]
fn the_clock_can_go_back_from_the_first_moment_on() {
    let mut clock = Clock::default();
    let zero = clock.read(0);
    assert_eq!(zero.since(clock.read(u32::MAX - 20)), Duration::from_millis(21));
}

#[test]
fn what_is_no_media_is_passed_over() {
    let mut tags = configured();
    assert_eq!(tags.video(0, &[]), Ok(None), "empty message");
    assert_eq!(tags.audio(0, &[]), Ok(None), "empty message");
    assert_eq!(tags.video(0, &[0x17, 2, 0, 0, 0]), Ok(None), "end of sequence");
    assert_eq!(tags.video(0, &[0x17, 2]), Ok(None), "end of sequence, short form");
    assert_eq!(tags.video(0, &[0x57, 0]), Ok(None), "a player's command");
    assert_eq!(tags.video(0, &[0x17, 1, 0, 0, 0]), Ok(None), "no NAL unit");
    assert_eq!(tags.audio(0, &[0xaf, 1]), Ok(None), "no frame");
}

#[test]
fn a_sample_without_a_configuration_is_passed_over() {
    let mut tags = Tags::default();
    assert_eq!(tags.video(0, &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]), Ok(None));
    assert_eq!(tags.audio(0, &[0xaf, 1, 0x21]), Ok(None));
}

#[test]
fn other_codecs_are_refused_by_name() {
    let mut tags = configured();
    let mut video = |tag: &[u8]| tags.video(0, tag).unwrap_err().to_string();

    assert_eq!(video(&[0x1c, 0]), "HEVC is not supported: send H.264 video");
    assert_eq!(video(b"\x90hvc1...."), "HEVC is not supported: send H.264 video");
    assert_eq!(video(b"\x91av01...."), "AV1 is not supported: send H.264 video");
    assert_eq!(
        video(b"\x90avc1...."),
        "H.264 as Enhanced RTMP is not supported: send H.264 video"
    );
    assert_eq!(
        video(&[0x16, 0]),
        "Video codec 6 is not supported: send H.264 video"
    );
    for odd in [
        &b"\x96\x00avc1"[..],
        b"\x97\x00",
        b"\x90av",
        b"\x80\xff\xff\xff\xff",
    ] {
        assert_eq!(
            video(odd),
            "this kind of Enhanced RTMP is not supported: send H.264 video"
        );
    }

    let mut audio = |tag: &[u8]| tags.audio(0, tag).unwrap_err().to_string();
    assert_eq!(audio(&[0x2f, 0xff]), "MP3 is not supported: send AAC audio");
    assert_eq!(audio(b"\x90Opus"), "Opus is not supported: send AAC audio");
    assert_eq!(
        audio(b"\x95\x00Opus"),
        "this kind of Enhanced RTMP is not supported: send AAC audio"
    );
}

#[test]
fn a_malformed_tag_is_refused() {
    let mut tags = configured();
    assert_eq!(tags.video(0, &[0x17]), Err(BadTag::Cut(TrackKind::Video)));
    assert_eq!(
        tags.video(0, &[0x17, 1, 0, 0]),
        Err(BadTag::Cut(TrackKind::Video))
    );
    assert_eq!(
        tags.video(0, &[0x17, 0, 0, 0, 0]),
        Err(BadTag::NoConfig(TrackKind::Video))
    );
    assert_eq!(
        tags.video(0, &[0x17, 3, 0, 0, 0, 0]),
        Err(BadTag::PacketType(TrackKind::Video, 3))
    );
    assert_eq!(tags.video(0, &[0x77, 1, 0, 0, 0, 0]), Err(BadTag::FrameType(7)));
    assert_eq!(tags.audio(0, &[0xaf]), Err(BadTag::Cut(TrackKind::Audio)));
    assert_eq!(tags.audio(0, &[0xaf, 0]), Err(BadTag::NoConfig(TrackKind::Audio)));
    assert_eq!(
        tags.audio(0, &[0xaf, 2, 0]),
        Err(BadTag::PacketType(TrackKind::Audio, 2))
    );
}

proptest! {
    #[test]
    fn no_tag_is_too_strange(tags in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..12)), 0..32)) {
        let mut reader = configured();
        for (time, tag) in tags {
            let _ = reader.video(time, &tag);
            let _ = reader.audio(time, &tag);
        }
    }
}
