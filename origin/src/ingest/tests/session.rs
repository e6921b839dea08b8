//! The session alone: an encoder by hand, time as an argument.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::{MessagePayload, RtmpMessage};
use rml_rtmp::rml_amf0::Amf0Value;
use rml_rtmp::time::RtmpTimestamp;

use super::encoder::{AUDIO_CONFIG, Encoder, KEY, KEYFRAME, SOUND, VIDEO_CONFIG, Wish};
use super::talk::{Talk, command, message};
use crate::ingest::ended::Ended;
use crate::ingest::session::{Patience, Session};
use crate::media::{TrackKind, Unit};

const SECOND: Duration = Duration::from_secs(1);

fn kinds(units: &[Unit]) -> Vec<TrackKind> {
    let kind = |unit: &Unit| match unit {
        Unit::Config(_, config) => config.kind(),
        Unit::Sample(sample) => sample.track.kind(),
    };
    units.iter().map(kind).collect()
}

#[test]
fn what_is_published_comes_out_as_units_in_order() {
    use TrackKind::{Audio, Video};
    let mut talk = Talk::publishing();

    talk.encoder.video(0, VIDEO_CONFIG);
    talk.encoder.audio(0, AUDIO_CONFIG);
    talk.encoder.video(0, KEYFRAME);
    talk.encoder.audio(3, SOUND);
    // Longer than a chunk, so that sound could come between its pieces.
    talk.encoder.video(40, &[KEYFRAME, &[7; 10_000]].concat());
    talk.on().unwrap();

    assert_eq!(kinds(&talk.units), [Video, Audio, Video, Audio, Video]);
    assert!(matches!(&talk.units[..2], [Unit::Config(..), Unit::Config(..)]));
    let Unit::Sample(last) = &talk.units[4] else {
        panic!("a sample")
    };
    assert_eq!(last.data.len(), KEYFRAME.len() - 5 + 10_000);
}

#[test]
fn metadata_pings_and_acknowledgements_do_not_disturb() {
    let mut talk = Talk::publishing();
    let metadata = RtmpMessage::Amf0Data {
        values: vec![Amf0Value::Utf8String("@setDataFrame".into())],
    };
    talk.say(&message(metadata, 1)).unwrap();
    talk.say(&message(RtmpMessage::Acknowledgement { sequence_number: 7 }, 0))
        .unwrap();
    talk.encoder.ping();
    talk.on().unwrap();
    assert_eq!(talk.encoder.pongs, 1);

    talk.encoder.video(0, VIDEO_CONFIG);
    talk.on().unwrap();
    assert_eq!(talk.units.len(), 1);
}

#[test]
fn an_encoder_of_the_old_kind_is_answered() {
    let mut talk = Talk::begin(Encoder::publisher(KEY));
    talk.session.push(&std::mem::take(&mut talk.encoder.outbox));
    talk.events().unwrap();
    let greeting = talk.session.output().split();
    talk.encoder.hear(&greeting);
    // Before its connect, which is what Adobe's own did.
    talk.encoder
        .outbox
        .splice(1536..1536, command("releaseStream", 2.0, KEY));
    talk.encoder.outbox.extend(command("FCPublish", 3.0, KEY));

    talk.on().unwrap();

    assert_eq!(talk.asked.as_deref(), Some(KEY));
    talk.session.accept(talk.now);
    talk.on().unwrap();
    assert_eq!(
        talk.say(&command("FCUnpublish", 6.0, KEY)),
        Err(Ended::Unpublished)
    );
    assert_eq!(
        talk.encoder.statuses.last().unwrap().0,
        "NetStream.Unpublish.Success"
    );
}

#[test]
fn a_stopped_stream_ends_the_connection() {
    let mut talk = Talk::publishing();
    talk.encoder.stop();
    assert_eq!(talk.on(), Err(Ended::Unpublished));
}

#[test]
fn another_application_is_refused_without_repeating_it() {
    for app in ["live2", "live/a-key-for-the-tests", ""] {
        let mut talk = Talk::begin(Encoder::new(app, KEY, Wish::Publish));
        assert_eq!(talk.on(), Err(Ended::UnknownApp));
        let told = &talk.encoder.statuses;
        assert_eq!(
            told.len(),
            2,
            "an answer to the call, and a status for those who wait for one"
        );
        for (code, description) in told {
            assert_eq!(code, "NetConnection.Connect.InvalidApp");
            assert!(description.contains("rtmp://HOST/live"), "{description}");
            assert!(!description.contains("key-for"), "{description}");
        }
    }
}

#[test]
fn whoever_wants_to_watch_is_told_where() {
    let mut talk = Talk::begin(Encoder::new("live", "demo", Wish::Play));
    assert_eq!(talk.on(), Err(Ended::Play));
    let (code, description) = talk.encoder.refusal().unwrap();
    assert_eq!(code, "NetStream.Play.Failed");
    assert!(
        description.contains("watch at the tracker's page"),
        "{description}"
    );
}

#[test]
fn a_codec_that_we_do_not_take_is_refused_by_name() {
    let mut talk = Talk::publishing();
    talk.encoder.video(0, b"\x90vp08\x01\x02");
    assert!(matches!(talk.on(), Err(Ended::Tag(_))));
    let told = talk.encoder.refusal();
    assert_eq!(
        told,
        Some((
            "NetStream.Publish.Rejected",
            "VP8 is not supported: send H.264, HEVC, AV1 or VP9 video"
        ))
    );
}

#[test]
fn commands_out_of_turn_end_the_connection() {
    let mut talk = Talk::publishing();
    assert_eq!(
        talk.say(&command("publish", 9.0, KEY)),
        Err(Ended::OutOfTurn("publish"))
    );
    let mut talk = Talk::publishing();
    assert_eq!(
        talk.say(&command("connect", 9.0, "")),
        Err(Ended::OutOfTurn("connect"))
    );

    let mut talk = Talk::greeted();
    assert_eq!(
        talk.say(&command("publish", 9.0, KEY)),
        Err(Ended::OutOfTurn("publish"))
    );
    let mut talk = Talk::greeted();
    let media = RtmpMessage::VideoData {
        data: VIDEO_CONFIG.into(),
    };
    assert_eq!(talk.say(&message(media, 1)), Err(Ended::OutOfTurn("media")));
}

#[test]
fn sixty_four_kibibytes_before_publish_are_enough() {
    let mut talk = Talk::greeted();
    let chatter = command("getStreamLength", 4.0, &"x".repeat(1000));
    let said = (0..100).find_map(|turn| talk.say(&chatter).err().map(|ended| (turn, ended)));
    let (turns, ended) = said.unwrap();
    assert_eq!(ended, Ended::Chatter { most: 65_536 });
    assert!((50..70).contains(&turns), "{turns}");
}

#[test]
fn a_handshake_has_five_seconds_and_a_publish_fifteen() {
    let mut talk = Talk::begin(Encoder::publisher(KEY));
    let (deadline, overdue) = talk.session.deadline();
    assert_eq!(
        (deadline, overdue),
        (talk.now + 5 * SECOND, Ended::NoHandshake(5 * SECOND))
    );

    // A byte now and then does not buy time.
    talk.session.push(&[3]);
    talk.events().unwrap();
    assert_eq!(talk.session.deadline().0, deadline);

    let talk = Talk::greeted();
    let overdue = (talk.now + 15 * SECOND, Ended::NoPublish(15 * SECOND));
    assert_eq!(talk.session.deadline(), overdue);
}

#[test]
fn a_publisher_is_gone_after_eight_seconds_without_media() {
    let mut talk = Talk::publishing();
    let began = talk.now;
    assert_eq!(
        talk.session.deadline(),
        (began + 8 * SECOND, Ended::Silent(8 * SECOND))
    );

    talk.now = began + 5 * SECOND;
    talk.encoder.ping();
    talk.on().unwrap();
    assert_eq!(
        talk.session.deadline().0,
        began + 8 * SECOND,
        "a ping is no media"
    );

    talk.encoder.audio(0, AUDIO_CONFIG);
    talk.on().unwrap();
    assert_eq!(talk.session.deadline().0, began + 13 * SECOND);

    talk.session.excuse(3 * SECOND);
    assert_eq!(
        talk.session.deadline().0,
        began + 16 * SECOND,
        "while we were busy we heard nothing"
    );
}

#[test]
fn talk_without_media_does_not_keep_a_channel() {
    let mut talk = Talk::publishing();
    talk.now += 7 * SECOND;
    talk.encoder.ping();
    talk.on().unwrap();
    talk.now += SECOND;
    talk.encoder.ping();
    assert_eq!(talk.on(), Err(Ended::Silent(8 * SECOND)));

    // Media that arrives together with the talk is heard first.
    let mut talk = Talk::publishing();
    talk.now += 9 * SECOND;
    talk.encoder.ping();
    talk.encoder.audio(0, AUDIO_CONFIG);
    talk.on().unwrap();
}

#[test]
fn bytes_are_acknowledged_each_window_whatever_window_is_asked_for() {
    for (asked, expected) in [
        (0, 65_536),
        (1, 65_536),
        (100_000, 100_000),
        (u32::MAX, 16 * 1024 * 1024),
    ] {
        let mut talk = Talk::publishing();
        talk.say(&message(RtmpMessage::WindowAcknowledgement { size: asked }, 0))
            .unwrap();
        talk.encoder.acknowledged.clear();
        let picture = [KEYFRAME, &[7; 10_000]].concat();
        let mut sent = 0;
        while talk.encoder.acknowledged.len() < 2 {
            talk.encoder.video(0, &picture);
            sent += talk.encoder.outbox.len();
            talk.on().unwrap();
        }
        let [first, second] = talk.encoder.acknowledged[..] else {
            panic!("two")
        };
        assert!(
            (expected..expected + 20_000).contains(&(second - first)),
            "{asked}: {first}, {second}"
        );
        assert!(
            u32::try_from(sent).unwrap() < 2 * expected + 30_000,
            "{asked}: {sent}"
        );
    }
}

#[test]
fn whoever_does_not_speak_rtmp_is_noticed_at_the_first_byte() {
    let mut session = Session::new(Instant::now(), Patience::default());
    session.push(b"G");
    let ended = session.next(Instant::now()).unwrap_err();
    assert_eq!(ended.to_string(), "this is not RTMP: the first byte is 0x47");
    session.part(&ended);
    assert!(session.output().is_empty(), "there is no one to tell it to");
}

#[test]
fn nested_and_self_repeating_commands_end_the_connection() {
    let name = b"\x02\0\x07connect\0\0\0\0\0\0\0\0\0";
    let nested = [0x0a, 0, 0, 0, 1].repeat(2000);
    let references = [
        &[0x0a, 0, 0, 0, 0][..],
        &[0x0a, 0, 0, 0, 2, 0x07, 0, 0, 0x07, 0, 0],
    ]
    .concat();
    for (body, why) in [(nested, "nests too deep"), (references, "holds a reference")] {
        let body = [&name[..], &body].concat();
        for type_id in [20, 17] {
            let mut talk = Talk::greeted();
            let data = [&b"\0"[..usize::from(type_id == 17)], &body].concat().into();
            let payload = MessagePayload {
                timestamp: RtmpTimestamp::new(0),
                type_id,
                message_stream_id: 0,
                data,
            };
            let bytes = ChunkSerializer::new()
                .serialize(&payload, true, false)
                .unwrap()
                .bytes;
            assert_eq!(
                talk.say(&bytes).unwrap_err().to_string(),
                format!("a command that {why}")
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange_for_a_session(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8)) {
        let talks = [Talk::begin(Encoder::publisher(KEY)), Talk::greeted(), Talk::publishing()];
        for mut talk in talks {
            for piece in &pieces {
                talk.session.push(piece);
                if talk.events().is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn no_damage_to_a_stream_is_too_strange_for_a_session(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut talk = Talk::publishing();
        talk.encoder.video(0, VIDEO_CONFIG);
        talk.encoder.audio(0, AUDIO_CONFIG);
        talk.encoder.video(1 << 24, &[KEYFRAME, &[7; 500]].concat());
        talk.encoder.audio(u32::MAX, SOUND);
        let mut bytes = std::mem::take(&mut talk.encoder.outbox);
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        talk.session.push(&bytes);
        let _ = talk.events();
    }
}
