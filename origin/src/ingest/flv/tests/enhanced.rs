//! Tags of Enhanced RTMP, versions 1 and 2.

use super::*;

/// Tags of a publisher who sent a configuration of these.
fn configured_as(video: &str, audio: &str) -> Tags {
    let mut tags = Tags::default();
    let video = tags
        .video(0, &[b"\x90", video.as_bytes(), b"config"].concat())
        .unwrap();
    let audio = tags
        .audio(0, &[b"\x90", audio.as_bytes(), b"config"].concat())
        .unwrap();
    assert!(video.is_some() && audio.is_some());
    tags
}

#[test]
fn four_characters_name_the_codec_of_a_configuration() {
    let config = || Bytes::from_static(b"config");
    let mut tags = Tags::default();
    for (tag, expected) in [
        (b"\x90avc1config", Config::Avc(config())),
        (b"\x90hvc1config", Config::Hevc(config())),
        (b"\x90av01config", Config::Av1(config())),
        (b"\x90vp09config", Config::Vp9(config())),
    ] {
        let unit = Unit::Config(TrackId::VIDEO, expected);
        assert_eq!(tags.video(0, tag), Ok(Some(unit)));
    }
    for (tag, expected) in [
        (b"\x90mp4aconfig", Config::Aac(config())),
        (b"\x90Opusconfig", Config::Opus(config())),
    ] {
        let unit = Unit::Config(TrackId::AUDIO, expected);
        assert_eq!(tags.audio(0, tag), Ok(Some(unit)));
    }
}

#[test]
fn pictures_say_when_they_are_shown_where_their_codec_has_an_order() {
    for code in ["avc1", "hvc1"] {
        let mut tags = configured_as(code, "mp4a");
        let coded = sample(
            tags.video(40, &[b"\xa1", code.as_bytes(), b"\x00\x00\x50nal"].concat())
                .unwrap(),
        );
        assert_eq!((coded.keyframe, coded.composition_offset), (false, 80));
        assert_eq!(coded.data, b"nal"[..]);
        let coded = sample(
            tags.video(40, &[b"\x93", code.as_bytes(), b"nal"].concat())
                .unwrap(),
        );
        assert_eq!((coded.keyframe, coded.composition_offset), (true, 0));
        assert_eq!(coded.data, b"nal"[..]);
    }
    for code in ["av01", "vp09"] {
        let mut tags = configured_as(code, "mp4a");
        for packet in [b"\x91", b"\x93"] {
            let coded = sample(
                tags.video(40, &[packet, code.as_bytes(), b"\x82pic"].concat())
                    .unwrap(),
            );
            assert_eq!((coded.keyframe, coded.composition_offset), (true, 0));
            assert_eq!(coded.data, b"\x82pic"[..]);
        }
    }
}

#[test]
fn sound_comes_as_it_was_sent() {
    let mut tags = configured_as("avc1", "Opus");
    let coded = sample(tags.audio(20, b"\x91Opuspacket").unwrap());
    assert_eq!(coded.data, b"packet"[..]);
    assert!(coded.keyframe);
}

#[test]
fn temporal_delimiters_stay_behind() {
    let mut tags = configured_as("av01", "Opus");
    let coded = sample(tags.video(0, b"\x91av01\x12\x00\x32\x01x").unwrap());
    assert_eq!(coded.data, b"\x32\x01x"[..]);
    assert_eq!(tags.video(0, b"\x91av01\x12\x00"), Ok(None), "nothing else in it");
}

#[test]
fn what_is_no_media_is_passed_over() {
    let mut tags = configured_as("hvc1", "Opus");
    assert_eq!(tags.video(0, b"\x92hvc1"), Ok(None), "end of sequence");
    assert_eq!(
        tags.video(0, b"\x94hvc1\x02\x00\x09colorInfo"),
        Ok(None),
        "metadata"
    );
    assert_eq!(tags.video(0, b"\xd4"), Ok(None), "metadata of any frame type");
    assert_eq!(tags.video(0, b"\xd1\x00"), Ok(None), "a player's command");
    assert_eq!(tags.audio(0, b"\x92Opus"), Ok(None), "end of sequence");
    assert_eq!(
        tags.audio(0, b"\x94Opus\x01\x02\x00\x00\x00\x03"),
        Ok(None),
        "loudspeakers"
    );
}

#[test]
fn nanoseconds_and_other_extensions_are_passed_over() {
    let mut tags = configured_as("hvc1", "Opus");
    // An offset of three bytes; the same and another of 300 bytes.
    let coded = sample(
        tags.video(0, b"\x97\x02\x01\x02\x03\x01hvc1\x00\x00\x00nal")
            .unwrap(),
    );
    assert_eq!(coded.data, b"nal"[..]);
    let long = [
        b"\x97\xff\x01\x2b",
        &[7; 300][..],
        b"\xf7\x02\x01\x02\x03\x03hvc1nal",
    ]
    .concat();
    assert_eq!(sample(tags.video(0, &long).unwrap()).data, b"nal"[..]);
    let coded = sample(tags.audio(0, b"\x97\x02\x01\x02\x03\x01Opuspacket").unwrap());
    assert_eq!(coded.data, b"packet"[..]);

    for end in 1..long.len() - 3 {
        assert_eq!(
            tags.video(0, &long[..end]),
            Err(BadTag::Cut(TrackKind::Video)),
            "{end}"
        );
    }
}

#[test]
fn the_only_track_of_several_is_taken_and_others_are_refused() {
    let mut tags = Tags::default();
    let start = tags.video(0, b"\x96\x00hvc1\x00config").unwrap();
    assert!(matches!(start, Some(Unit::Config(TrackId::VIDEO, Config::Hevc(config))) if config == "config"));
    let coded = sample(tags.video(0, b"\x96\x01hvc1\x00\x00\x00\x28nal").unwrap());
    assert_eq!((coded.composition_offset, &coded.data[..]), (40, &b"nal"[..]));
    let start = tags.audio(0, b"\x95\x00Opus\x00config").unwrap();
    assert!(matches!(
        start,
        Some(Unit::Config(TrackId::AUDIO, Config::Opus(_)))
    ));

    let several = "several video tracks in one stream are not supported: send one";
    for tag in [
        &b"\x96\x01hvc1\x01\x00\x00\x00nal"[..],
        b"\x96\x11hvc1\x00\x00\x00\x03nal",
        b"\x96\x21\x00",
    ] {
        assert_eq!(refused(tags.video(0, tag)), several);
    }
    assert_eq!(
        refused(tags.audio(0, b"\x95\x01Opus\x01packet")),
        "several audio tracks in one stream are not supported: send one"
    );
}

#[test]
fn other_codecs_are_refused_by_name() {
    let mut tags = Tags::default();
    for (code, name) in [
        (b"vp08", "VP8"),
        (b"vvc1", "VVC"),
        (b"\xff\xff\xff\xff", "this codec of Enhanced RTMP"),
        (b"Opus", "this codec of Enhanced RTMP"),
    ] {
        assert_eq!(
            refused(tags.video(0, &[b"\x90", &code[..], b"config"].concat())),
            format!("{name} is not supported: send H.264, HEVC, AV1 or VP9 video")
        );
    }
    for (code, name) in [
        (b".mp3", "MP3"),
        (b"fLaC", "FLAC"),
        (b"ac-3", "AC-3"),
        (b"ec-3", "E-AC-3"),
        (b"avc1", "this codec of Enhanced RTMP"),
    ] {
        assert_eq!(
            refused(tags.audio(0, &[b"\x91", &code[..], b"packet"].concat())),
            format!("{name} is not supported: send AAC or Opus audio")
        );
    }
    assert_eq!(
        refused(tags.video(0, b"\x95av01\x80\x04")),
        "AV1 as a transport stream describes it is not supported: send its av1C record"
    );
}

#[test]
fn a_malformed_tag_is_refused() {
    use TrackKind::{Audio, Video};
    let mut tags = configured_as("hvc1", "Opus");
    for cut in [
        &b"\x90"[..],
        b"\x90hvc",
        b"\x91hvc1\x00\x00",
        b"\x96",
        b"\x96\x01hvc1",
    ] {
        assert_eq!(tags.video(0, cut), Err(BadTag::Cut(Video)), "{cut:?}");
    }
    for cut in [&b"\x90"[..], b"\x91Opu", b"\x95", b"\x95\x01Opus", b"\x97"] {
        assert_eq!(tags.audio(0, cut), Err(BadTag::Cut(Audio)), "{cut:?}");
    }
    assert_eq!(tags.video(0, b"\x90hvc1"), Err(BadTag::NoConfig(Video)));
    assert_eq!(tags.audio(0, b"\x90Opus"), Err(BadTag::NoConfig(Audio)));
    assert_eq!(tags.video(0, b"\x98hvc1"), Err(BadTag::PacketType(Video, 8)));
    assert_eq!(
        tags.video(0, b"\x96\x06hvc1\x00"),
        Err(BadTag::PacketType(Video, 6)),
        "several in several"
    );
    assert_eq!(tags.audio(0, b"\x93Opus"), Err(BadTag::PacketType(Audio, 3)));
    assert_eq!(
        tags.video(0, b"\xe1hvc1\x00\x00\x00nal"),
        Err(BadTag::FrameType(6))
    );
}

#[test]
fn samples_of_another_codec_than_the_configured_one_are_not_mixed_in() {
    let mut tags = configured_as("hvc1", "Opus");
    assert_eq!(tags.video(0, b"\x91avc1\x00\x00\x00nal"), Ok(None));
    assert_eq!(
        sample(tags.video(0, b"\x91hvc1\x00\x00\x00nal").unwrap()).data,
        b"nal"[..]
    );
}

proptest! {
    /// Bytes behind heads that lead deep into the reader.
    #[test]
    fn no_tag_is_too_strange(
        head in prop::sample::select(&b"\x90\x91\x92\x93\x94\x95\x96\x97\xd1\xe3"[..]),
        code in prop::sample::select(vec!["", "avc1", "hvc1", "av01", "vp09", "Opus", "mp4a"]),
        body in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let tag = [&[head], code.as_bytes(), &body].concat();
        let mut reader = Tags::default();
        let _ = reader.video(0, &tag);
        let _ = reader.audio(0, &tag);
        for tag in [&b"\x90av01config"[..], &tag] {
            if let Ok(Some(Unit::Sample(sample))) = reader.video(0, tag) {
                prop_assert!(sample.data.len() <= tag.len(), "nothing grows");
            }
        }
    }
}
