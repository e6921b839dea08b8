//! An origin whose key is followed by another.

use std::sync::Arc;

use serde_json::Value;
use wire::id::Epoch;
use wire::presentation::Presentation;

use super::rig::Rig;
use crate::registry::{Memory, Registry};
use crate::testing::{self, NOW, RedisServer, presentation, succession};

/// Until when the old key counts beside the new one, in these tests.
const UNTIL: u64 = NOW + 30_000;

/// Keys 101 and 102 are trusted by themselves; 103 follows 101.
fn followed(rig: &Rig) -> Presentation {
    let mut offered = presentation(103, rig.now());
    offered.successions = vec![succession(101, 103, NOW, UNTIL).into()];
    offered.epoch = Epoch(NOW + 1);
    offered
}

async fn keys(rig: &Rig) -> Value {
    rig.json("/api/v1/channels").await["channels"][0]["keys"].clone()
}

fn named(keys: &[u8]) -> Value {
    let keys = keys.iter().map(|n| testing::key(*n).public().to_string());
    keys.collect::<Vec<_>>().into()
}

#[tokio::test]
async fn a_channel_passes_to_the_key_that_its_owner_names_and_never_back() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let (status, reply) = rig.present(103, &followed(&rig)).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(keys(&rig).await, named(&[103, 101]), "both open its chunks");
    let (_, reply) = rig
        .announce(1, &testing::announcement(1, rig.now(), "http://0.0.0.0:8090"))
        .await;
    assert_eq!(reply["channels"][0]["keys"], named(&[103, 101]));

    let mut back = presentation(101, rig.now());
    back.epoch = Epoch(NOW + 2);
    let (status, body) = rig.present(101, &back).await;
    assert_eq!(status, 403);
    assert!(body["error"].as_str().unwrap().contains("belongs to"), "{body}");
}

#[tokio::test]
async fn the_old_key_counts_for_its_time_and_then_no_more() {
    let flag = format!("--trust-origin={}", testing::key(103).public());
    let rig = Rig::with(Arc::new(Memory::default()), &[&flag]).await;
    rig.present(103, &followed(&rig)).await;
    let mut other = presentation(101, rig.now());
    other.channel = "other".parse().unwrap();
    assert_eq!(rig.present(101, &other).await.0, 200, "both count");

    rig.later(30_000);
    let (status, reply) = rig.present(103, &followed(&rig)).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(keys(&rig).await, named(&[103]));
    other.sequence = rig.now();
    let (status, body) = rig.present(101, &other).await;
    assert_eq!(status, 403);
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("was followed by another"),
        "{body}"
    );
    // Nor is anybody believed whom it names now.
    let mut thief = presentation(104, rig.now());
    thief.channel = "other".parse().unwrap();
    thief.successions = vec![succession(101, 104, rig.now(), rig.now() + 60_000).into()];
    let (status, body) = rig.present(104, &thief).await;
    assert_eq!(status, 403);
    assert!(
        body["error"].as_str().unwrap().contains("is not trusted"),
        "{body}"
    );
}

#[tokio::test]
async fn a_key_that_nobody_trusted_names_or_whose_time_is_over_is_not_trusted() {
    let rig = Rig::start().await;
    let mut stranger = presentation(103, rig.now());
    stranger.successions = vec![succession(110, 103, NOW, UNTIL).into()];
    let (status, body) = rig.present(103, &stranger).await;
    assert_eq!(status, 403);
    assert!(
        body["error"].as_str().unwrap().contains("--trust-origin"),
        "{body}"
    );

    let mut forged = followed(&rig);
    forged.successions = vec![succession(101, 102, NOW, UNTIL).into()];
    let (status, body) = rig.present(103, &forged).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("do not lead"), "{body}");

    assert_eq!(rig.present(103, &followed(&rig)).await.0, 200, "the witness");
    rig.later(30_000);
    let (status, body) = rig.present(103, &followed(&rig)).await;
    assert_eq!(status, 403);
    assert!(
        body["error"].as_str().unwrap().contains("--trust-origin"),
        "{body}"
    );
}

#[tokio::test]
async fn another_origin_does_not_take_a_channel_by_naming_itself() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let mut offered = presentation(103, rig.now());
    offered.successions = vec![succession(102, 103, NOW, UNTIL).into()];
    let (status, body) = rig.present(103, &offered).await;
    assert_eq!(status, 403);
    assert!(body["error"].as_str().unwrap().contains("belongs to"), "{body}");
}

#[tokio::test]
async fn a_tracker_that_starts_again_learns_it_from_the_next_presentation() {
    let rig = Rig::start().await;
    assert_eq!(rig.present(103, &followed(&rig)).await.0, 200);
    let fresh = Rig::start().await;
    // Somebody with the old key was faster.
    fresh.on_air().await;
    let mut offered = followed(&rig);
    offered.sequence = fresh.now() + 1;
    assert_eq!(fresh.present(103, &offered).await.0, 200);
    assert_eq!(keys(&fresh).await, named(&[103, 101]));
}

#[tokio::test]
async fn trackers_that_share_a_registry_agree_on_whose_channel_it_is() {
    let redis = RedisServer::start();
    let (one, other) = (Rig::on(&redis).await, Rig::on(&redis).await);
    one.on_air().await;
    assert_eq!(one.present(103, &followed(&one)).await.0, 200);
    let (status, body) = other.present(101, &presentation(101, other.now() + 50)).await;
    assert_eq!(status, 403, "{body}");
    other
        .until(async || keys(&other).await == named(&[103, 101]))
        .await;
    other.later(31_000);
    let fresh: Arc<dyn Registry> = Arc::new(crate::registry::Redis::new(redis.url().parse().unwrap()));
    let fresh = Rig::with(fresh, &[]).await;
    fresh.later(31_000);
    let (status, body) = fresh.present(101, &presentation(101, fresh.now())).await;
    assert_eq!(status, 403, "a tracker that knows it from Redis only: {body}");
}
