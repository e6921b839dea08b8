//! A publisher comes back before its old connection is known to be dead.

use std::time::Instant;

use super::encoder::{Encoder, KEY, KEYFRAME, VIDEO_CONFIG};
use super::log::Log;
use super::origin::{Caller, Origin, ring};
use super::sockets::rest;
use crate::ingest::claims::QUIET;

#[tokio::test]
async fn whoever_comes_back_takes_the_place_of_its_silent_connection() {
    let log = Log::capture();
    let mut origin = Origin::open().await;
    let (mut old, mut publisher) = origin.publish().await;
    old.encoder.video(0, VIDEO_CONFIG);
    old.send().await;
    assert!(publisher.units.recv().await.is_some());

    // The connection stays open, and nothing comes on it any more.
    let began = Instant::now();
    let (_new, mut next) = origin.publish().await;
    assert!(began.elapsed() < 2 * QUIET, "{:?}", began.elapsed());
    assert_eq!(next.channel, publisher.channel);
    assert_eq!(rest(&mut publisher).await, 0);
    let (code, description) = old.refused().await.unwrap();
    assert_eq!(code, "NetStream.Failed");
    assert_eq!(description, "the publisher came back on another connection");

    origin.stop.cancel();
    rest(&mut next).await;
    origin.finish().await;
    let expected = [
        "publisher arrived channel=demo",
        "publisher gone channel=demo reason=the publisher came back on another connection",
        "publisher arrived channel=demo",
        "publisher gone channel=demo reason=the origin is stopping",
    ];
    assert_eq!(log.events(), expected);
}

#[tokio::test]
async fn a_publisher_that_the_origin_does_not_listen_to_is_not_silent() {
    let mut origin = Origin::open().await;
    let (mut first, mut publisher) = origin.publish().await;
    first.encoder.video(0, VIDEO_CONFIG);
    for time in 0..200 {
        first.encoder.video(time, KEYFRAME);
    }
    first.send().await;
    // Nobody takes its units, so that its connection is not read. That is soon seen by whoever comes.
    let mut second = Caller::call(origin.address, Encoder::publisher(KEY)).await;
    let (_, description) = second.refused().await.unwrap();
    assert_eq!(description, "channel demo has a publisher already");
    assert!(publisher.units.recv().await.is_some());
    origin.finish().await;
}

#[tokio::test]
async fn a_key_that_is_removed_ends_its_publisher_and_nobody_else() {
    let mut origin = Origin::open().await;
    let stored = |channel: &str, key: &str, number: u8| {
        use crate::ingest::keys::KeyFile;
        let parent = tempfile::tempdir().unwrap();
        let folder = program::folder::Folder::open(parent.path()).unwrap();
        let key = key.parse().unwrap();
        KeyFile(&folder)
            .add(channel.parse().unwrap(), &key, 0, [number; 20])
            .unwrap()
    };
    let (one, two) = (
        stored("one", "first-added-key", 1),
        stored("two", "second-added-key", 2),
    );
    let change = |stored: &[_]| origin.keys.send_replace(ring().with_stored(stored).into());
    change(&[one.clone(), two.clone()]);

    let mut callers = Vec::new();
    for key in ["first-added-key", "second-added-key"] {
        let mut caller = Caller::call(origin.address, Encoder::publisher(key)).await;
        caller.until("publishing", |encoder| encoder.publishing).await;
        callers.push((caller, origin.publishers.recv().await.unwrap()));
    }
    change(std::slice::from_ref(&two));
    let (mut second, other) = callers.pop().unwrap();
    let (mut first, mut publisher) = callers.pop().unwrap();
    assert_eq!(rest(&mut publisher).await, 0);
    let (code, description) = first.refused().await.unwrap();
    assert_eq!(code, "NetStream.Publish.BadName");
    assert_eq!(description, "its stream key was removed");
    assert!(!other.units.is_closed());
    second.encoder.ping();
    second.until("an answer", |encoder| encoder.pongs > 0).await;

    let mut again = Caller::call(origin.address, Encoder::publisher("first-added-key")).await;
    let (_, description) = again.refused().await.unwrap();
    assert_eq!(description, "no channel has this stream key");
    origin.finish().await;
}
