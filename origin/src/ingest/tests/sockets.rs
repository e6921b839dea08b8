//! Encoders come to the door over TCP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::encoder::{AUDIO_CONFIG, Encoder, KEY, KEYFRAME, SOUND, VIDEO_CONFIG};
use super::log::Log;
use super::origin::{Caller, OTHER_KEY, Origin, soon};
use crate::ingest::{Limits, Publisher};
use crate::media::Unit;

async fn next(publisher: &mut Publisher) -> Unit {
    soon("a unit", publisher.units.recv())
        .await
        .expect("a publisher that is still there")
}

/// What is left of a publisher that is gone or going.
pub(super) async fn rest(publisher: &mut Publisher) -> usize {
    soon("the end of a publisher", async {
        let mut units = 0;
        while publisher.units.recv().await.is_some() {
            units += 1;
        }
        units
    })
    .await
}

#[tokio::test]
async fn a_stream_comes_through_and_leaves_two_log_events() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (mut caller, mut publisher) = origin.publish().await;
    assert_eq!(publisher.channel.as_str(), "demo");

    caller.encoder.video(0, VIDEO_CONFIG);
    caller.encoder.audio(0, AUDIO_CONFIG);
    caller.encoder.video(0, KEYFRAME);
    caller.encoder.audio(0, SOUND);
    caller.send().await;
    assert!(matches!(next(&mut publisher).await, Unit::Config(..)));
    assert!(matches!(next(&mut publisher).await, Unit::Config(..)));
    let Unit::Sample(picture) = next(&mut publisher).await else {
        panic!("a picture")
    };
    assert_eq!(picture.data, KEYFRAME[5..]);
    let Unit::Sample(sound) = next(&mut publisher).await else {
        panic!("sound")
    };
    assert_eq!(sound.data, SOUND[2..]);

    caller.encoder.stop();
    caller.send().await;
    assert_eq!(rest(&mut publisher).await, 0);
    assert_eq!(caller.refused().await, None);

    origin.finish().await;
    let gone = "publisher gone channel=demo reason=the publisher stopped";
    assert_eq!(log.events(), ["publisher arrived channel=demo", gone]);
}

#[tokio::test]
async fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (mut first, mut publisher) = origin.publish().await;

    let mut second = Caller::call(origin.address, Encoder::publisher(KEY)).await;
    let refused = first.speaking("a refusal", second.refused()).await;
    let (code, description) = refused.unwrap();
    assert_eq!(code, "NetStream.Publish.BadName");
    assert_eq!(description, "channel demo has a publisher already");

    first.encoder.video(0, VIDEO_CONFIG);
    first.send().await;
    assert!(matches!(next(&mut publisher).await, Unit::Config(..)));

    // Another channel is another matter, and so is this one when its publisher is gone.
    let mut other = Caller::call(origin.address, Encoder::publisher(OTHER_KEY)).await;
    other.until("publishing", |encoder| encoder.publishing).await;
    assert_eq!(origin.publisher().await.channel.as_str(), "other");
    drop(first);
    rest(&mut publisher).await;
    let (_third, publisher) = origin.publish().await;
    assert_eq!(publisher.channel.as_str(), "demo");

    let refused = log
        .events()
        .into_iter()
        .filter(|event| event.starts_with("connection refused"));
    let reason = "connection refused reason=channel demo has a publisher already".to_owned();
    assert_eq!(refused.collect::<Vec<_>>(), [reason]);
    origin.finish().await;
}

#[tokio::test]
async fn noise_costs_its_own_connection_and_one_log_event() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (_encoder, publisher) = origin.publish().await;

    let noises = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 100_000],
        vec![3; 100_000],
    ];
    for noise in &noises {
        let mut socket = soon("a connection", TcpStream::connect(origin.address))
            .await
            .unwrap();
        // It may be closed while it still speaks.
        let _ = soon("room to speak", socket.write_all(noise)).await;
        let mut answer = Vec::new();
        let _ = soon("the end", socket.read_to_end(&mut answer)).await;
    }

    assert!(!publisher.units.is_closed(), "nobody else noticed");
    let events = log.events();
    assert_eq!(events.len(), 1 + noises.len(), "{events:?}");
    assert!(
        events[1..]
            .iter()
            .all(|event| event.starts_with("connection refused reason=")),
        "{events:?}"
    );
    origin.finish().await;
}

#[tokio::test]
async fn a_refused_codec_reaches_the_encoder_though_it_goes_on_sending() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (mut caller, mut publisher) = origin.publish().await;

    caller.encoder.video(0, b"\x91vp08\x81\x00\x0c");
    for time in 0..100 {
        caller.encoder.video(time, &[KEYFRAME, &[7; 3000]].concat());
    }
    let (code, description) = caller.refused().await.unwrap();

    assert_eq!(code, "NetStream.Publish.Rejected");
    assert_eq!(
        description,
        "VP8 is not supported: send H.264, HEVC, AV1 or VP9 video"
    );
    assert_eq!(rest(&mut publisher).await, 0);
    let gone = "publisher gone channel=demo reason=VP8 is not supported: send H.264, HEVC, AV1 or VP9 video";
    assert_eq!(log.events()[1..], [gone]);
    origin.finish().await;
}

#[tokio::test]
async fn the_origin_can_refuse_a_stream_and_say_why() {
    let mut origin = Origin::open().await;
    let (mut caller, publisher) = origin.publish().await;

    publisher.refuse("the picture is 9000 pixels wide");

    let (code, description) = caller.refused().await.unwrap();
    assert_eq!(code, "NetStream.Publish.Rejected");
    assert_eq!(
        description,
        "the stream was refused: the picture is 9000 pixels wide"
    );

    let (mut caller, publisher) = origin.publish().await;
    drop(publisher);
    let (_, description) = caller.refused().await.unwrap();
    assert_eq!(
        description,
        "the stream was refused: the origin takes it no longer"
    );
    origin.finish().await;
}

#[tokio::test]
async fn at_shutdown_every_encoder_is_told_and_every_task_ends() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (mut caller, mut publisher) = origin.publish().await;
    let silent = soon("a connection", TcpStream::connect(origin.address))
        .await
        .unwrap();
    // Once this one was served, the silent one before it was let in.
    let mut wrong = Caller::call(origin.address, Encoder::publisher("a-wrong-key")).await;
    wrong.refused().await.unwrap();

    origin.stop.cancel();
    let (_, description) = caller.refused().await.unwrap();
    assert_eq!(description, "the origin is stopping");
    assert_eq!(rest(&mut publisher).await, 0);
    drop(silent);
    origin.finish().await;

    let events = log.events();
    assert!(events.contains(&"publisher gone channel=demo reason=the origin is stopping".into()));
    assert!(events.contains(&"connection refused reason=the origin is stopping".into()));
    assert_eq!(events.len(), 4, "{events:?}");
}

#[tokio::test]
async fn who_pushes_more_than_its_channel_may_is_told_how_much_it_was() {
    let limits = Limits {
        max_bitrate: Some(800_000),
        max_height: Some(720),
    };
    let mut origin = Origin::open_with(|entrance, _, _| {
        entrance.limits.insert("demo".parse().unwrap(), limits);
    })
    .await;
    let (mut caller, mut publisher) = origin.publish().await;
    assert_eq!(publisher.limits, limits);
    caller.encoder.video(0, VIDEO_CONFIG);
    for time in 0..12 {
        caller
            .encoder
            .video(time, &[KEYFRAME, &vec![7; 100_000]].concat());
    }
    let (code, description) = caller.refused().await.unwrap();
    assert_eq!(code, "NetStream.Publish.Rejected");
    assert!(
        description.ends_with("more than this channel's limit of 0.8 Mbit/s"),
        "{description}"
    );
    let units = rest(&mut publisher).await;
    assert!(
        (10..40).contains(&units),
        "{units}: ten seconds of it may come in one"
    );
    origin.finish().await;
}
