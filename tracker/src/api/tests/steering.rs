//! Who is playing is led away from a box before that box fails it.

use serde_json::{Value, json};

use super::rig::{BoxAtHome, Rig};
use crate::testing::{box_id, media_playlist, presentation};

const PATH: &str = "/live/demo/manifest.mpd";

async fn homes(rig: &Rig, boxes: u8) -> Vec<BoxAtHome> {
    rig.on_air().await;
    let mut homes = Vec::new();
    for n in 1..=boxes {
        homes.push(rig.add_box(n).await);
    }
    homes
}

/// The path and query at which this manifest's player asks for steering.
fn asks_at(rig: &Rig, manifest: &str) -> String {
    let (_, rest) = manifest.split_once("<ContentSteering>").unwrap();
    let (url, _) = rest.split_once("</ContentSteering>").unwrap();
    url.strip_prefix(&rig.base).unwrap().replace("&amp;", "&")
}

fn priority(steering: &Value) -> Vec<&str> {
    let places = steering["PATHWAY-PRIORITY"].as_array().unwrap().iter();
    places.map(|place| place.as_str().unwrap()).collect()
}

/// The path and query at which it asks next.
fn next<'a>(rig: &Rig, steering: &'a Value) -> &'a str {
    let url = steering["RELOAD-URI"].as_str().unwrap();
    url.strip_prefix(&rig.base).unwrap()
}

#[tokio::test]
async fn while_all_is_well_a_viewer_is_told_what_its_manifest_says() {
    let rig = Rig::start().await;
    homes(&rig, 4).await;
    let manifest = rig.watch(PATH).await;
    let path = asks_at(&rig, &manifest.0);
    let response = rig.get(&path).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "application/json");
    let steering: Value = response.json().await.unwrap();
    assert_eq!(priority(&steering), manifest.locations());
    assert_eq!(next(&rig, &steering), path, "nothing has changed");
    assert_eq!((&steering["VERSION"], &steering["TTL"]), (&json!(1), &json!(5)));
    assert!(steering.get("PATHWAY-CLONES").is_none());
}

#[tokio::test]
async fn a_viewer_is_led_away_from_a_box_that_falls_silent_before_it_counts_as_gone() {
    let rig = Rig::start().await;
    let homes = homes(&rig, 5).await;
    let manifest = rig.watch(PATH).await;
    let before = manifest.locations();
    let is_silent = |home: &BoxAtHome| box_id(home.n).to_string() == before[0];
    rig.later(7_000);
    for home in homes.iter().filter(|home| !is_silent(home)) {
        rig.says(home).await;
    }
    rig.on_air().await;

    let steering = rig.json(&asks_at(&rig, &manifest.0)).await;
    let after = priority(&steering);
    assert!(!after.contains(&before[0]), "{after:?}");
    assert_eq!(after[..2], before[1..3], "the others stay, and in their order");
    assert_eq!((after.len(), after[3]), (4, "origin"));
    let silent = homes.iter().find(|home| is_silent(home)).unwrap();
    assert!(
        rig.boxes().await[&box_id(silent.n).to_string()].is_object(),
        "it is there yet"
    );

    let taken = homes
        .iter()
        .find(|home| box_id(home.n).to_string() == after[2])
        .unwrap();
    let copied = json!([{
        "BASE-ID": "origin", "ID": after[2],
        "URI-REPLACEMENT": {"HOST": format!("127.0.0.1:{}", taken.port)},
    }]);
    assert_eq!(steering["PATHWAY-CLONES"], copied);
    let again = rig.json(next(&rig, &steering)).await;
    assert_eq!(
        again, steering,
        "it stays with what it was told, whichever tracker it asks"
    );
    assert_eq!(rig.watch(&manifest.next()).await.locations()[..2], before[1..3]);
}

#[tokio::test]
async fn a_full_box_gives_up_one_viewer_after_another_where_there_is_room_elsewhere() {
    let rig = Rig::start().await;
    let homes = homes(&rig, 4).await;
    let manifest = rig.watch(PATH).await;
    let first = homes
        .iter()
        .find(|home| box_id(home.n).to_string() == manifest.locations()[0]);
    let full = async |home: &BoxAtHome| {
        let mut announcement = home.announcement(rig.now());
        announcement.room = 0;
        announcement.load.sending_bits_per_second = announcement.load.upload_bits_per_second;
        rig.announce(home.n, &announcement).await;
    };
    full(first.unwrap()).await;
    let path = asks_at(&rig, &manifest.0);
    let led = rig.json(&path).await;
    assert!(!priority(&led).contains(&manifest.locations()[0]), "{led}");
    let other = rig.json(&path).await;
    assert_eq!(
        priority(&other),
        manifest.locations(),
        "one was enough, until it says more"
    );

    for home in &homes {
        full(home).await;
    }
    let nowhere = rig.json(&path).await;
    assert_eq!(
        priority(&nowhere),
        manifest.locations(),
        "better a full box than none"
    );
}

#[tokio::test]
async fn players_of_hls_are_led_to_boxes_and_others_ask_the_tracker() {
    let rig = Rig::start().await;
    let homes = homes(&rig, 2).await;
    let mut on_air = presentation(101, rig.now());
    let v0 = media_playlist(3, 1);
    on_air
        .documents
        .push(wire::presentation::Document::new("v0.m3u8", v0));
    rig.present(101, &on_air).await;

    let response = rig.get("/steering/hls/demo").await;
    assert_eq!(
        response.headers()["content-type"],
        "application/vnd.apple.steering-list"
    );
    let steering: Value = response.json().await.unwrap();
    let places = priority(&steering);
    assert_eq!((places.len(), places[2]), (3, "."));
    let again = rig.json(next(&rig, &steering)).await;
    assert_eq!(again, steering, "its session is in the URL");

    let copied = &steering["PATHWAY-CLONES"][0];
    assert_eq!(
        (&copied["BASE-ID"], &copied["ID"]),
        (&json!("."), &json!(places[0]))
    );
    let at = copied["URI-REPLACEMENT"]["PARAMS"]["at"].as_str().unwrap();
    let home = homes
        .iter()
        .find(|home| box_id(home.n).to_string() == at)
        .unwrap();
    let there = rig.watch(&format!("/live/demo/v0.m3u8?at={at}")).await.0;
    let media = format!("\nhttp://127.0.0.1:{}/live/demo/", home.port);
    assert!(there.contains(&media) && !there.contains("/compat/"), "{there}");

    let stranger = box_id(9);
    for at in [&*stranger.to_string(), "", "box-", "%3Cx%3E", "http://evil"] {
        let through = rig.watch(&format!("/live/demo/v0.m3u8?at={at}")).await.0;
        assert!(
            through.contains("/compat/live/demo/") && !through.contains("evil"),
            "{through}"
        );
    }
}

#[tokio::test]
async fn whatever_is_asked_is_answered_and_what_is_not_on_air_is_named() {
    let rig = Rig::start().await;
    homes(&rig, 2).await;
    for kind in ["dash", "hls"] {
        for query in [
            "",
            "session=",
            "session=x&now=y",
            "now=AAAA",
            "_DASH_pathway=%22a%22&session=%00",
        ] {
            let steering = rig.json(&format!("/steering/{kind}/demo?{query}")).await;
            let places = priority(&steering);
            assert!(
                places.contains(&"origin") || places.contains(&"."),
                "{kind} {query}: {steering}"
            );
        }
        let missing = rig.get(&format!("/steering/{kind}/nobody")).await;
        assert_eq!(missing.status(), 404);
        assert_eq!(missing.headers()["access-control-allow-origin"], "*");
    }
}

#[tokio::test]
async fn viewers_of_one_network_cannot_have_a_box_left_out() {
    let rig = Rig::start().await;
    homes(&rig, 4).await;
    let manifest = rig.watch(PATH).await;
    let (path, bad) = (asks_at(&rig, &manifest.0), manifest.locations()[0].to_owned());
    let other = box_id(9);
    // All viewers here are at one address, which is one network.
    for _ in 0..5 {
        rig.json(&format!("{path}&failed={bad},{other}")).await;
    }
    assert_eq!(rig.boxes().await[&bad]["listed"], true);
    let stranger = rig.json(&format!("/steering/dash/demo?failed={bad}")).await;
    assert!(
        priority(&stranger).contains(&"origin"),
        "who was not sent there says nothing of it"
    );
}
