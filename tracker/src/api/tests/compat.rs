//! Players that know no boxes.

use std::collections::HashSet;

use wire::id::Epoch;
use wire::presentation::{Document, State};

use super::rig::Rig;
use crate::testing::{self, MPD, NOW, box_id, presentation};

/// The path of a file of the channel's first epoch.
fn at(file: &str) -> String {
    format!("/compat/live/demo/{NOW}/{file}")
}

/// Where a request is sent on to.
async fn location(rig: &Rig, path: &str) -> String {
    let response = rig.get(path).await;
    assert_eq!(response.status(), 307, "{path}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    response.headers()["location"].to_str().unwrap().into()
}

async fn newest(rig: &Rig, newest: u32) {
    let presentation = wire::presentation::Presentation {
        newest,
        ..presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &presentation).await.0, 200);
}

#[tokio::test]
async fn the_manifest_for_them_leads_to_the_tracker_alone_and_stays_the_same() {
    let rig = Rig::start().await;
    let mut offered = presentation(101, rig.now());
    offered.documents.extend([
        Document::new("compat.mpd", MPD),
        Document::new("low-latency.mpd", MPD),
    ]);
    rig.present(101, &offered).await;
    rig.add_box(1).await;
    let manifest = rig.watch("/live/demo/compat.mpd").await;
    assert_eq!(manifest.bases(), [format!("{}/compat/live/demo/", rig.base)]);
    assert!(!manifest.0.contains("Location"), "{}", manifest.0);
    assert_eq!(rig.watch("/live/demo/compat.mpd").await.0, manifest.0);

    let low = rig.watch("/live/demo/low-latency.mpd").await;
    assert_eq!(low.locations(), [box_id(1).to_string(), "origin".into()]);
    assert!(
        low.next().starts_with("/live/demo/low-latency.mpd?session="),
        "{}",
        low.next()
    );
}

#[tokio::test]
async fn media_is_sent_on_to_the_boxes_and_to_the_origin_while_there_are_none() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let origin = format!("http://127.0.0.1:8081/live/demo/{NOW}/v0/1.m4v");
    assert_eq!(location(&rig, &at("v0/1.m4v")).await, origin);

    let mut homes = HashSet::new();
    for n in 1..=4 {
        homes.insert(rig.add_box(n).await.port);
    }
    let mut found = HashSet::new();
    for _ in 0..60 {
        let to = location(&rig, &at("v0/1.m4v")).await;
        let (host, path) = to["http://127.0.0.1:".len()..].split_once('/').unwrap();
        assert_eq!(path, format!("live/demo/{NOW}/v0/1.m4v"));
        found.insert(host.parse().unwrap());
    }
    assert_eq!(found, homes, "all of them, and nobody else");
    for file in ["v0/init.m4v", "a0/1.m4a", "v0/2.0.m4v"] {
        let in_playlist = file.replace("m4v", "mp4");
        for asked in [file, &in_playlist] {
            assert!(location(&rig, &at(asked)).await.ends_with(file));
        }
    }
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    for line in [
        "redirects_total{result=\"box\"} 66",
        "redirects_total{result=\"origin\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn a_box_that_is_behind_is_not_asked_for_what_is_new() {
    let rig = Rig::start().await;
    newest(&rig, 1).await;
    let at_home = rig.add_box(1).await;
    newest(&rig, 8).await;
    let home = format!("http://127.0.0.1:{}/", at_home.port);
    assert!(location(&rig, &at("v0/4.m4v")).await.starts_with(&home));
    assert!(
        location(&rig, &at("v0/5.m4v"))
            .await
            .starts_with("http://127.0.0.1:8081/")
    );
}

#[tokio::test]
async fn who_asks_a_little_early_is_held_until_it_is_there() {
    let rig = Rig::start().await;
    newest(&rig, 5).await;
    let early = at("v0/6.m4v");
    let asking = location(&rig, &early);
    let presenting = async {
        rig.until(async || rig.held().await == 1).await;
        newest(&rig, 6).await;
    };
    let (to, ()) = tokio::join!(asking, presenting);
    assert!(to.ends_with("/v0/6.m4v"));
    assert_eq!(rig.held().await, 0);
}

#[tokio::test]
async fn who_waits_for_a_segment_that_never_comes_is_told_so() {
    let rig = Rig::start().await;
    newest(&rig, 5).await;
    let early = at("v0/6.m4v");
    let asking = rig.get(&early);
    let presenting = async {
        rig.until(async || rig.held().await == 1).await;
        let mut ended = presentation(101, rig.now());
        (ended.newest, ended.state) = (5, State::Ended);
        rig.present(101, &ended).await;
    };
    let (response, ()) = tokio::join!(asking, presenting);
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"], format!("epoch {NOW} ended with segment 5"));
}

#[tokio::test]
async fn the_epoch_before_stays_within_reach() {
    let rig = Rig::start().await;
    newest(&rig, 5).await;
    let at_home = rig.add_box(1).await;
    let mut next = presentation(101, rig.now());
    (next.epoch, next.newest) = (Epoch(NOW + 10_000), 1);
    rig.present(101, &next).await;
    let home = format!("http://127.0.0.1:{}/", at_home.port);
    assert!(location(&rig, &at("v0/4.m4v")).await.starts_with(&home));
    assert!(
        location(&rig, &at("v0/6.m4v")).await.ends_with("/v0/6.m4v"),
        "it may have been cut short"
    );
    assert_eq!(rig.get(&at("v0/7.m4v")).await.status(), 404);
    assert_eq!(
        rig.get("/compat/live/demo/1/v0/1.m4v").await.status(),
        404,
        "nobody knows it"
    );
    let manifest = rig.watch("/live/demo/manifest.mpd").await;
    assert_eq!(
        manifest.locations()[0],
        box_id(1).to_string(),
        "the box goes on with the next epoch"
    );
}

#[tokio::test]
async fn a_player_that_runs_ahead_is_told_why_and_slowed_down() {
    let rig = Rig::start().await;
    newest(&rig, 5).await;
    let ahead = at("v0/500.m4v");
    let response = rig.get(&ahead).await;
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        body["error"],
        format!("this is ahead of segment 5, the newest of epoch {NOW}")
    );
    let mut refused = None;
    for _ in 0..200 {
        let response = rig.get(&ahead).await;
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("not for ever");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    assert!(
        location(&rig, &at("v0/5.m4v")).await.ends_with("/v0/5.m4v"),
        "what is there is there"
    );
    rig.later(1000);
    assert_eq!(rig.get(&ahead).await.status(), 404, "some credit is back");
}

#[tokio::test]
async fn what_is_no_media_is_refused() {
    let rig = Rig::start().await;
    rig.on_air().await;
    for path in [
        at("v0/1.ts"),
        at("a0/1.mp4"),
        at("v0/0.m4v"),
        at("v0/%2e%2e"),
        at("poster/1.jpg"),
        "/compat/live/nobody/1/v0/1.m4v".into(),
        "/compat/live/demo/x/v0/1.m4v".into(),
    ] {
        assert_eq!(rig.get(&path).await.status(), 404, "{path}");
    }
    assert_eq!(rig.get(&at("v0/%ff.m4v")).await.status(), 400);
    let pictured = wire::presentation::Presentation {
        poster: 1,
        ..testing::presentation(101, rig.now())
    };
    rig.present(101, &pictured).await;
    assert!(
        location(&rig, &at("poster/1.jpg"))
            .await
            .ends_with("/poster/1.jpg")
    );
}
