//! What origins are told.

use wire::id::Epoch;

use super::rig::Rig;
use crate::testing::{self, NOW, box_id, presentation};

#[tokio::test]
async fn an_origin_that_is_not_trusted_is_told_how_to_be() {
    let rig = Rig::start().await;
    let (status, body) = rig.present(7, &presentation(7, rig.now())).await;
    assert_eq!(status, 403);
    let error = body["error"].as_str().unwrap();
    assert!(
        error.contains(&testing::key(7).public().to_string()) && error.contains("--trust-origin"),
        "{error}"
    );
    assert_eq!(rig.get("/live/demo/manifest.mpd").await.status(), 404);
}

#[tokio::test]
async fn a_channel_of_another_origin_is_not_given_away() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let (status, body) = rig.present(102, &presentation(102, rig.now())).await;
    assert_eq!(status, 403);
    assert!(body["error"].as_str().unwrap().contains("belongs to"), "{body}");
    let channels = rig.json("/api/v1/channels").await;
    assert_eq!(
        channels["channels"][0]["keys"][0],
        testing::key(101).public().to_string()
    );
}

#[tokio::test]
async fn what_is_no_manifest_or_not_of_now_is_refused() {
    let rig = Rig::start().await;
    for (mpd, why) in [
        ("<MPD", "not well-formed"),
        ("<html/>", "not an MPD"),
        (
            &testing::MPD.replace("<Period", "<BaseURL>http://evil/</BaseURL><Period"),
            "BaseURL",
        ),
    ] {
        let offered = wire::presentation::Presentation {
            documents: vec![wire::presentation::Document::new("manifest.mpd", mpd)],
            ..presentation(101, rig.now())
        };
        let (status, body) = rig.present(101, &offered).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().contains(why), "{body}");
    }
    for sequence in [NOW - 61_000, NOW + 61_000] {
        let (status, body) = rig.present(101, &presentation(101, sequence)).await;
        assert_eq!(status, 409, "{body}");
    }
    let (status, _) = rig.post(wire::presentation::PATH, vec![0; 513 << 10]).await;
    assert_eq!(status, 413);
    assert_eq!(
        rig.json("/api/v1/channels").await["channels"],
        serde_json::json!([])
    );
    rig.on_air().await;
}

#[tokio::test]
async fn epochs_only_grow_and_an_ended_one_does_not_begin_again() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let mut offered = presentation(101, rig.now());
    offered.epoch = Epoch(NOW - 1);
    let (status, body) = rig.present(101, &offered).await;
    assert_eq!(status, 409, "{body}");

    let mut ended = presentation(101, rig.now());
    ended.state = wire::presentation::State::Ended;
    assert_eq!(rig.present(101, &ended).await.0, 200);
    assert_eq!(rig.present(101, &presentation(101, rig.now())).await.0, 409);

    let mut next = presentation(101, rig.now());
    next.epoch = Epoch(NOW + 1);
    assert_eq!(rig.present(101, &next).await.0, 200);
    assert_eq!(rig.get("/live/demo/manifest.mpd").await.status(), 200);
}

#[tokio::test]
async fn an_origin_is_given_seeds_that_stay_and_a_silent_one_is_replaced() {
    let rig = Rig::start().await;
    for n in 1..=4 {
        rig.add_box(n).await;
    }
    let seeds = async |silent: Vec<_>| {
        let offered = wire::presentation::Presentation {
            silent,
            ..presentation(101, rig.now())
        };
        let (_, reply) = rig.present(101, &offered).await;
        let seeds = reply["seeds"].as_array().unwrap().iter();
        seeds
            .map(|seed| seed["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = seeds(vec![]).await;
    assert_eq!(first.len(), 4, "an origin may want more than three");
    assert_eq!(seeds(vec![]).await, first);

    let silent = (1..=4).map(box_id).find(|id| id.to_string() == first[0]).unwrap();
    let second = seeds(vec![silent]).await;
    assert_eq!(second, first[1..], "the next one moves up");
    assert_eq!(seeds(vec![]).await, second, "for a while it is not asked again");

    let (_, reply) = rig.present(101, &presentation(101, rig.now())).await;
    let zmq = reply["seeds"][0]["zmq"].as_str().unwrap();
    assert!(zmq.starts_with("tcp://127.0.0.1:"), "{zmq}");
}
