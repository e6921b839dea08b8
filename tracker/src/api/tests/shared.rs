//! Trackers that share a Redis, and a Redis that goes.

use super::rig::Rig;
use crate::testing::{self, RedisServer, box_id, presentation};

const PATH: &str = "/live/demo/manifest.mpd";

#[tokio::test]
async fn two_trackers_give_the_same_boxes_for_the_same_session() {
    let redis = RedisServer::start();
    let (one, other) = (Rig::on(&redis).await, Rig::on(&redis).await);
    one.on_air().await;
    for n in 1..=5 {
        one.add_box(n).await;
    }
    let listed = async |rig: &Rig| {
        let boxes = rig.boxes().await;
        boxes
            .as_object()
            .unwrap()
            .values()
            .filter(|known| known["listed"] == true)
            .count()
    };
    other.until(async || listed(&other).await == 5).await;
    other.until(async || other.get(PATH).await.status() == 200).await;
    let here = one.watch(PATH).await;
    for _ in 0..5 {
        assert_eq!(other.watch(&here.next()).await.locations(), here.locations());
    }
}

#[tokio::test]
async fn what_one_tracker_proved_the_other_need_not() {
    let redis = RedisServer::start();
    let (one, other) = (Rig::on(&redis).await, Rig::on(&redis).await);
    let at_home = one.add_box(1).await;
    other
        .until(async || other.boxes().await[&box_id(1).to_string()]["listed"] == true)
        .await;
    other.later(100);
    let reply = other.says(&at_home).await;
    assert_eq!(reply["listed"], true);
    let metrics = other.get("/metrics").await.text().await.unwrap();
    assert!(!metrics.contains("probes_total{"), "{metrics}");
}

#[tokio::test]
async fn boxes_are_back_after_redis_was_emptied_and_never_left_the_manifests() {
    let redis = RedisServer::start();
    let rig = Rig::on(&redis).await;
    rig.on_air().await;
    let at_home = rig.add_box(1).await;
    let first = rig.watch(PATH).await;

    redis.run("FLUSHALL").await;
    assert_eq!(rig.watch(&first.next()).await.0, first.0);
    rig.says(&at_home).await;
    rig.says(&at_home).await;
    rig.on_air().await;
    let fresh = Rig::on(&redis).await;
    fresh
        .until(async || fresh.boxes().await.get(box_id(1).to_string()).is_some())
        .await;
    fresh.until(async || fresh.get(PATH).await.status() == 200).await;
    fresh
        .until(async || fresh.boxes().await[&box_id(1).to_string()]["listed"] == true)
        .await;
    assert_eq!(fresh.watch(PATH).await.locations(), first.locations());
}

#[tokio::test]
async fn viewers_boxes_and_origins_are_answered_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let rig = Rig::on(&redis).await;
    rig.on_air().await;
    let at_home = rig.add_box(1).await;
    let before = rig.watch(PATH).await;

    redis.stop();
    rig.until(async || rig.json("/readyz").await["registry"] == "away")
        .await;
    assert!(
        rig.get("/metrics")
            .await
            .text()
            .await
            .unwrap()
            .contains("registry_away 1")
    );
    assert_eq!(rig.says(&at_home).await["listed"], true);
    let mut grown = presentation(101, rig.now());
    let mpd = testing::MPD.replace("id=\"1\"", "id=\"1\" duration=\"PT9S\"");
    grown.documents = vec![wire::presentation::Document::new("manifest.mpd", mpd)];
    assert_eq!(rig.present(101, &grown).await.0, 200);
    let meanwhile = rig.watch(&before.next()).await;
    assert_eq!(meanwhile.locations(), before.locations());
    assert!(meanwhile.0.contains("PT9S"), "the stream goes on");
    let (status, _) = rig.present(102, &presentation(102, rig.now())).await;
    assert_eq!(status, 403, "the channel is still owned");

    redis.start_again();
    rig.until(async || rig.json("/readyz").await["registry"] == "there")
        .await;
    rig.says(&at_home).await;
    rig.on_air().await;
    let other = Rig::on(&redis).await;
    other.until(async || other.get(PATH).await.status() == 200).await;
}

#[tokio::test]
async fn a_tracker_starts_while_redis_is_away_and_is_ready_when_it_comes() {
    let mut redis = RedisServer::start();
    redis.stop();
    let registry = crate::registry::Redis::new(redis.url().parse().unwrap());
    let starting = Rig::with(std::sync::Arc::new(registry), &[]);
    let (rig, ()) = tokio::join!(starting, async { redis.start_again() });
    rig.on_air().await;
    assert_eq!(rig.get(PATH).await.status(), 200);
}
