//! What is written is read again.

use super::*;

fn unit_of(track: TrackId, time: u64, offset: i32, keyframe: bool) -> Unit {
    Unit::Sample(AccessUnit {
        track,
        decode_time: crate::media::Millis((1 << 32) + time),
        composition_offset: offset,
        keyframe,
        data: Bytes::from_static(&[0x82, 1, 2, 3]),
    })
}

#[test]
fn every_codec_is_read_as_it_was_written() {
    let bytes = || Bytes::from_static(b"config");
    for (video, audio, offset) in [
        (Config::Avc(bytes()), Config::Aac(bytes()), -80),
        (Config::Hevc(bytes()), Config::Opus(bytes()), 80),
        (Config::Av1(bytes()), Config::Aac(bytes()), 0),
        (Config::Vp9(bytes()), Config::Opus(bytes()), 0),
    ] {
        let units = [
            Unit::Config(TrackId::VIDEO, video),
            Unit::Config(TrackId::AUDIO, audio),
            unit_of(TrackId::VIDEO, 0, offset, true),
            unit_of(TrackId::AUDIO, 21, 0, true),
            unit_of(TrackId::VIDEO, 40, 0, false),
        ];
        let (mut writer, mut reader) = (Writer::default(), Tags::default());
        for unit in units {
            let (kind, time, body) = writer.tag_of(&unit).unwrap();
            let read = match kind {
                9 => reader.video(time, &body),
                8 => reader.audio(time, &body),
                other => panic!("a tag of type {other}"),
            };
            assert_eq!(read, Ok(Some(unit)));
        }
    }
}

#[test]
fn a_sample_before_its_configuration_is_no_tag() {
    let mut writer = Writer::default();
    assert_eq!(writer.tag_of(&unit_of(TrackId::VIDEO, 0, 0, true)), None);
}
