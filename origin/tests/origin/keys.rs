//! Keys come, go and rotate while publishers and trackers go on.

use std::path::Path;
use std::time::Duration;

use origin::ingest::keys::{KeyFile, StreamKey};
use origin::key;
use program::folder::Folder;
use program::lifecycle::Lifecycle;
use wire::id::ChannelName;
use wire::succession::Succession;

use crate::encoder::Encoder;
use crate::harness::{PATIENCE, start};
use crate::tracker::Tracker;

fn add(folder: &Path, channel: &str) -> StreamKey {
    let channel: ChannelName = channel.parse().unwrap();
    let key = StreamKey::made_of(rand::random());
    let folder = Folder::open(folder).unwrap();
    KeyFile(&folder).add(channel, &key, 0, rand::random()).unwrap();
    key
}

#[tokio::test]
async fn a_key_that_is_added_opens_a_new_channel_and_one_that_is_removed_ends_its_publisher() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut first = origin.publish().await;

    let key = add(folder.path(), "later");
    // The origin looks each second, and takes a few wrong keys a minute.
    let mut tries = tokio::time::interval(Duration::from_secs(2));
    let publish = async {
        loop {
            tries.tick().await;
            if let Some(encoder) = Encoder::try_publish(origin.running.rtmp, key.reveal()).await {
                return encoder;
            }
        }
    };
    let mut second = tokio::time::timeout(PATIENCE, publish).await.unwrap();
    second.send(0..4000).await;
    let presented = tracker.hears("the new channel", |heard| heard.channel.as_str() == "later");
    assert!(presented.await.state.is_on_air());

    KeyFile(&Folder::open(folder.path()).unwrap())
        .remove("later")
        .unwrap();
    tokio::time::timeout(PATIENCE, second.hung_up()).await.unwrap();
    first.send(0..4000).await;
    let presented = tracker.hears("the other channel", |heard| heard.channel.as_str() == "demo");
    assert!(presented.await.state.is_on_air(), "nobody else noticed");
    origin.stop().await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_rotates_is_taken_at_the_next_start_and_tells_whom_it_follows() {
    const HOUR: Duration = Duration::from_hours(1);
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let old = origin.key;
    let now = program::lifecycle::now_ms();
    let next = key::rotate(&Folder::open(folder.path()).unwrap(), HOUR, now).unwrap();
    let mut encoder = origin.publish().await;
    encoder.send(0..4000).await;
    let presented = tracker.hears("a channel", |heard| heard.newest >= 1).await;
    assert_eq!(
        presented.key, old,
        "an origin that runs goes on with the key that it has"
    );
    origin.stop().await;

    let origin = start(&folder, &tracker).await;
    assert_eq!(origin.key, next);
    let mut encoder = origin.publish().await;
    encoder.send(0..4000).await;
    let presented = tracker.hears("the new key", |heard| heard.key == next).await;
    assert!(presented.state.is_on_air());
    let succession = Succession::open(&presented.successions[0]).unwrap();
    assert_eq!((succession.from, succession.to), (old, next));
    assert_eq!(succession.until - succession.at, 60 * 60 * 1000);
    origin.stop().await;
    world.finish().await;
}
