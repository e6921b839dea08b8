//! Tags as Adobe left them.

use super::*;

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
fn a_rendition_has_tracks_of_its_own() {
    let mut tags = Tags::of_rendition(2).unwrap();
    let unit = tags.video(0, &[&[0x17, 0, 0, 0, 0][..], &AVCC].concat()).unwrap();
    assert_eq!(unit.unwrap().track().to_string(), "v2");
    let unit = tags.audio(0, &[&[0xaf, 0][..], &ASC].concat()).unwrap();
    assert_eq!(unit.unwrap().track().to_string(), "a2");

    assert!(Tags::of_rendition(255).is_none());
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
    let mut tags = configured();
    for (wire, offset) in [
        ([0, 0, 1], 1),
        ([0xff, 0xff, 0xff], -1),
        ([0x7f, 0xff, 0xff], 8_388_607),
        ([0x80, 0, 0], -8_388_608),
    ] {
        let tag = [&[0x17, 1][..], &wire, &[0]].concat();
        assert_eq!(sample(tags.video(0, &tag).unwrap()).composition_offset, offset);
    }
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
fn a_sample_without_a_configuration_is_passed_over_and_many_are_refused() {
    let mut tags = Tags::default();
    assert_eq!(tags.video(0, &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]), Ok(None));
    assert_eq!(tags.audio(0, &[0xaf, 1, 0x21]), Ok(None));
    assert_eq!(tags.audio(5000, &[0xaf, 1, 0x21]), Ok(None));
    assert_eq!(
        refused(tags.audio(5001, &[0xaf, 1, 0x21])),
        "5 s of audio without a configuration before it"
    );
}

#[test]
fn hevc_by_a_number_is_hevc() {
    let mut tags = Tags::default();
    let unit = tags.video(0, &[0x1c, 0, 0, 0, 0, 1, 2]).unwrap();
    let hvcc = Config::Hevc(Bytes::from_static(&[1, 2]));
    assert_eq!(unit, Some(Unit::Config(TrackId::VIDEO, hvcc)));
    assert_eq!(
        sample(tags.video(0, &[0x2c, 1, 0, 0, 40, 9]).unwrap()).composition_offset,
        40
    );
}

#[test]
fn other_codecs_are_refused_by_name() {
    let mut tags = configured();
    for (head, name) in [
        (0x22, "Sorenson H.263"),
        (0x13, "Screen video"),
        (0x14, "VP6"),
        (0x1d, "AV1 by a number instead of Enhanced RTMP"),
        (0x1f, "video codec 15"),
    ] {
        assert_eq!(
            refused(tags.video(0, &[head, 0])),
            format!("{name} is not supported: send H.264, HEVC, AV1 or VP9 video")
        );
    }
    for (head, name) in [
        (0x3e, "PCM"),
        (0x2f, "MP3"),
        (0x5f, "Nellymoser"),
        (0x7f, "G.711"),
        (0xbf, "Speex"),
        (0xff, "audio codec 15"),
    ] {
        assert_eq!(
            refused(tags.audio(0, &[head, 0xff])),
            format!("{name} is not supported: send AAC or Opus audio")
        );
    }
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
