//! What viewers are given.

use super::rig::Rig;
use crate::testing::{self, box_id, presentation};

const PATH: &str = "/live/demo/manifest.mpd";

#[tokio::test]
async fn a_viewer_gets_boxes_first_and_the_origin_last() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let at_home = rig.add_box(1).await;
    let manifest = rig.watch(PATH).await;
    assert_eq!(manifest.locations(), [box_id(1).to_string(), "origin".into()]);
    assert_eq!(
        manifest.bases(),
        [
            format!("http://127.0.0.1:{}/live/demo/", at_home.port),
            "http://127.0.0.1:8081/live/demo/".into()
        ]
    );
    assert!(
        manifest
            .0
            .contains(&format!("value=\"{}/time\"/></MPD>", rig.base)),
        "{}",
        manifest.0
    );
    assert!(
        manifest
            .0
            .contains(&format!("<Location>{}{PATH}?session=", rig.base))
    );
}

#[tokio::test]
async fn a_viewer_keeps_its_boxes_and_gets_others_for_those_that_vanish() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let mut homes = Vec::new();
    for n in 1..=5 {
        homes.push(rig.add_box(n).await);
    }
    let first = rig.watch(PATH).await;
    let second = rig.watch(&first.next()).await;
    assert_eq!(second.0, first.0, "nothing changed");

    let vanished = homes
        .iter()
        .find(|home| box_id(home.n).to_string() == first.locations()[1])
        .unwrap();
    let mut goodbye = vanished.announcement(rig.now());
    goodbye.leaving = true;
    rig.announce(vanished.n, &goodbye).await;

    let third = rig.watch(&second.next()).await;
    assert_eq!(third.locations()[0], first.locations()[0]);
    assert_eq!(third.locations()[1], first.locations()[2]);
    assert!(
        !first.locations()[..3].contains(&third.locations()[2]),
        "{:?}",
        third.locations()
    );
    assert_eq!(third.locations()[3], "origin");
    assert_ne!(third.next(), first.next());
    assert_eq!(rig.watch(&third.next()).await.0, third.0);
}

#[tokio::test]
async fn a_session_that_nobody_gave_out_is_a_new_one() {
    let rig = Rig::start().await;
    rig.on_air().await;
    rig.add_box(1).await;
    let good = rig.watch(PATH).await;
    for session in [
        "",
        "x",
        "%00%ff%",
        &"A".repeat(5000),
        "AAAA&session=BBBB",
        "<&\">",
    ] {
        let manifest = rig.watch(&format!("{PATH}?session={session}")).await;
        assert_eq!(manifest.locations(), good.locations());
        assert!(!manifest.0.contains("BBBB"));
    }
}

#[tokio::test]
async fn a_channel_that_is_unknown_or_off_air_is_named() {
    let rig = Rig::start().await;
    for (path, name) in [
        ("/live/nobody/manifest.mpd", "nobody"),
        ("/live/No%20Name/manifest.mpd", "No Name"),
    ] {
        let response = rig.get(path).await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["error"], format!("there is no channel {name:?}"));
    }
    rig.on_air().await;
    assert_eq!(rig.get(PATH).await.status(), 200);
    let mut ended = presentation(101, rig.now());
    ended.state = wire::presentation::State::Ended;
    rig.present(101, &ended).await;
    rig.later(60_500);
    rig.until(async || rig.get(PATH).await.status() == 404).await;
    let response = rig.get(PATH).await;
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"], "channel demo is off air");
    assert_eq!(rig.json("/api/v1/channels").await["channels"][0]["live"], false);
}

#[tokio::test]
async fn a_channel_whose_origin_died_is_off_air() {
    let rig = Rig::start().await;
    rig.on_air().await;
    rig.later(12_500);
    rig.until(async || rig.get(PATH).await.status() == 404).await;
    rig.on_air().await;
    assert_eq!(rig.get(PATH).await.status(), 200);
}

#[tokio::test]
async fn programs_beside_the_tracker_are_reached_by_the_host_that_the_viewer_used() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let at_home = rig.add_box(1).await;
    let watch = async |host: &str| {
        let request = rig.client.get(format!("{}{PATH}", rig.base)).header("host", host);
        request.send().await.unwrap()
    };
    let manifest = watch("tracker.example:8080").await.text().await.unwrap();
    assert!(
        manifest.contains(&format!(">http://tracker.example:{}/live/demo/<", at_home.port)),
        "{manifest}"
    );
    assert!(manifest.contains("<Location>http://tracker.example:8080/live/demo/"));
    assert!(manifest.contains("\"http://tracker.example:8080/time\""));

    for hostile in [
        "a\"><Period/>",
        "evil.example/x?",
        "user@evil.example",
        "evil example",
    ] {
        let response = watch(hostile).await;
        assert_eq!(response.status(), 400, "{hostile}");
    }
}

#[tokio::test]
async fn a_box_bound_to_loopback_stays_there() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let at_home = rig.honest_box(1).await;
    let bound = format!("http://127.0.0.1:{}", at_home.port);
    rig.announce(1, &testing::announcement(1, rig.now(), &bound))
        .await;
    rig.until(async || rig.boxes().await[&box_id(1).to_string()]["listed"] == true)
        .await;
    let request = rig
        .client
        .get(format!("{}{PATH}", rig.base))
        .header("host", "tracker.example");
    let manifest = request.send().await.unwrap().text().await.unwrap();
    assert!(manifest.contains(&format!(">{bound}/live/demo/<")), "{manifest}");
}

#[tokio::test]
async fn the_public_url_stands_for_the_tracker_itself() {
    let registry = std::sync::Arc::new(crate::registry::Memory::default());
    let rig = Rig::with(registry, &["--public-url=https://tracker.example"]).await;
    rig.on_air().await;
    let manifest = rig.watch(PATH).await.0;
    assert!(manifest.contains("<Location>https://tracker.example/live/demo/manifest.mpd?session="));
    assert!(manifest.contains("\"https://tracker.example/time\""));
}
