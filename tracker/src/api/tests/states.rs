//! Channels that are on air, whose publisher is away, that have ended.

use wire::presentation::{Presentation, State, TrackSummary, Warning};

use serde_json::json;

use super::rig::Rig;
use crate::testing::{NOW, box_id, presentation};

const PATH: &str = "/live/demo/manifest.mpd";

async fn present(rig: &Rig, state: State) {
    let offered = Presentation {
        state,
        ..presentation(101, rig.now())
    };
    let (status, reply) = rig.present(101, &offered).await;
    assert_eq!(status, 200, "{reply}");
}

/// What the list says of the channel: whether it is live, and its state.
async fn listed(rig: &Rig) -> (bool, String) {
    let channel = rig.json("/api/v1/channels").await["channels"][0].clone();
    let state = channel["state"].as_str().unwrap();
    (channel["live"].as_bool().unwrap(), state.to_owned())
}

#[tokio::test]
async fn a_channel_stays_on_air_while_its_publisher_is_away() {
    let rig = Rig::start().await;
    present(&rig, State::Live).await;
    assert_eq!(listed(&rig).await, (true, "live".into()));
    present(&rig, State::Away).await;
    assert_eq!(listed(&rig).await, (true, "away".into()));
    assert_eq!(rig.get(PATH).await.status(), 200);
    present(&rig, State::Live).await;
    assert_eq!(listed(&rig).await, (true, "live".into()));
}

#[tokio::test]
async fn players_see_the_end_for_a_minute() {
    let rig = Rig::start().await;
    rig.add_box(1).await;
    present(&rig, State::Live).await;
    present(&rig, State::Ended).await;
    assert_eq!(listed(&rig).await, (false, "ended".into()));
    for _ in 0..5 {
        rig.later(11_000);
        present(&rig, State::Ended).await;
        assert_eq!(rig.get(PATH).await.status(), 200);
    }
    rig.later(6_000);
    present(&rig, State::Ended).await;
    let response = rig.get(PATH).await;
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"], "channel demo is off air");
    assert_eq!(listed(&rig).await, (false, "ended".into()));
}

#[tokio::test]
async fn an_origin_that_vanishes_takes_its_channel_off_air_at_once() {
    let rig = Rig::start().await;
    present(&rig, State::Away).await;
    rig.later(12_500);
    rig.until(async || rig.get(PATH).await.status() == 404).await;
    assert_eq!(listed(&rig).await, (false, "ended".into()));
}

#[tokio::test]
async fn a_box_is_shown_as_a_seed_of_what_its_origin_pushes_to_it_while_that_is_on_air() {
    let rig = Rig::start().await;
    for n in [1, 2] {
        rig.add_box(n).await;
    }
    let seeds = async |n| rig.boxes().await[&box_id(n).to_string()]["seeds"].clone();
    let offered = Presentation {
        seeds: vec![box_id(1)],
        ..presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &offered).await.0, 200);
    assert_eq!((seeds(1).await, seeds(2).await), (json!(["demo"]), json!([])));
    let moved = Presentation {
        seeds: vec![box_id(2), box_id(3)],
        ..presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &moved).await.0, 200);
    assert_eq!((seeds(1).await, seeds(2).await), (json!([]), json!(["demo"])));
    present(&rig, State::Ended).await;
    assert_eq!(seeds(2).await, json!([]));
}

#[tokio::test]
async fn the_list_says_what_a_channel_is_made_of_and_what_is_wrong_with_it() {
    let rig = Rig::start().await;
    let warning = |code: &str, text: &str| Warning {
        code: code.into(),
        text: text.into(),
    };
    let offered = Presentation {
        tracks: vec![TrackSummary {
            track: "v0".parse().unwrap(),
            codecs: "avc1.64001f".into(),
            bits_per_second: 3_000_000,
        }],
        poster: 7,
        warnings: vec![
            warning("keyframe-interval", "Keyframes are 6 s apart: set 2 s."),
            warning("\"} 1\n", "an evil code"),
        ],
        ..presentation(101, rig.now())
    };
    rig.present(101, &offered).await;
    let channel = rig.json("/api/v1/channels").await["channels"][0].clone();
    assert_eq!(
        channel["tracks"],
        serde_json::json!([{"id": "v0", "codecs": "avc1.64001f", "bits_per_second": 3_000_000}])
    );
    assert_eq!(channel["poster"], format!("/compat/live/demo/{NOW}/poster/7.jpg"));
    assert_eq!(channel["warnings"][0]["code"], "keyframe-interval");
    assert_eq!(
        channel["warnings"][0]["text"],
        "Keyframes are 6 s apart: set 2 s."
    );
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    for code in ["keyframe-interval", "other"] {
        let line = format!("\nboxmesh_tracker_channel_warnings{{channel=\"demo\",code=\"{code}\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    rig.on_air().await;
    let channel = rig.json("/api/v1/channels").await["channels"][0].clone();
    assert_eq!(channel["poster"], serde_json::Value::Null);
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    assert!(!metrics.contains("channel_warnings{"), "{metrics}");
}
