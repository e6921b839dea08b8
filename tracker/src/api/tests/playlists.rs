//! What players of HLS are given, and when.

use std::time::{Duration, Instant};

use wire::presentation::{Document, Presentation, State};

use super::rig::Rig;
use crate::testing::{NOW, media_playlist, presentation};

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0.m3u8\n";
const PATH: &str = "/live/demo/v0.m3u8";

/// The channel with a playlist of whole segments and parts of the one in the making.
fn playing(rig: &Rig, whole: u32, parts: u32) -> Presentation {
    let mut presentation = presentation(101, rig.now());
    presentation.documents.extend([
        Document::new("master.m3u8", MASTER),
        Document::new("v0.m3u8", media_playlist(whole, parts)),
    ]);
    presentation.newest = whole;
    presentation
}

async fn play(rig: &Rig, whole: u32, parts: u32) {
    let (status, reply) = rig.present(101, &playing(rig, whole, parts)).await;
    assert_eq!(status, 200, "{reply}");
}

/// The status of a request, and how long it took.
async fn timed(rig: &Rig, query: &str) -> (u16, Duration, String) {
    let started = Instant::now();
    let response = rig.get(&format!("{PATH}?{query}")).await;
    let status = response.status().as_u16();
    (status, started.elapsed(), response.text().await.unwrap())
}

#[tokio::test]
async fn playlists_stay_at_the_tracker_and_lead_through_it_to_media() {
    let rig = Rig::start().await;
    play(&rig, 3, 1).await;
    let master = rig.get("/live/demo/master.m3u8").await;
    let headers = master.headers();
    assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["access-control-allow-origin"], "*");
    let steering = format!(
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}/steering/hls/demo\"\n",
        rig.base
    );
    let steered = MASTER.replace("#EXTM3U\n", &format!("#EXTM3U\n{steering}"));
    assert_eq!(master.text().await.unwrap(), steered);

    let media = rig.get(PATH).await.text().await.unwrap();
    let base = format!("{}/compat/live/demo/", rig.base);
    assert!(
        media.contains(&format!("URI=\"{base}{NOW}/v0/init.mp4\"")),
        "{media}"
    );
    assert!(media.contains(&format!("\n{base}{NOW}/v0/3.mp4\n")), "{media}");
    assert!(
        media.contains(&format!("URI=\"{base}{NOW}/v0/4.0.mp4\"")),
        "{media}"
    );
}

#[tokio::test]
async fn a_document_that_the_channel_does_not_have_is_named() {
    let rig = Rig::start().await;
    play(&rig, 1, 0).await;
    let response = rig.get("/live/demo/v7.m3u8").await;
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"], "channel demo has no \"v7.m3u8\"");
}

#[tokio::test]
async fn a_playlist_that_leads_elsewhere_is_refused_with_its_name() {
    let rig = Rig::start().await;
    let mut evil = playing(&rig, 1, 0);
    evil.documents[2].text += "http://evil/1.ts\n";
    let (status, body) = rig.present(101, &evil).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().starts_with("v0.m3u8: "), "{body}");
}

#[tokio::test]
async fn a_reload_is_held_until_the_playlist_holds_what_was_asked_for() {
    let rig = Rig::start().await;
    play(&rig, 3, 1).await;
    let there = timed(&rig, "_HLS_msn=4&_HLS_part=0").await;
    assert_eq!(there.0, 200, "it is there already: {}", there.2);

    let asking = timed(&rig, "_HLS_msn=4&_HLS_part=1");
    let presenting = async {
        rig.until(async || rig.held().await == 1).await;
        play(&rig, 3, 2).await;
    };
    let ((status, _, text), ()) = tokio::join!(asking, presenting);
    assert_eq!(status, 200);
    assert!(text.contains("/v0/4.1.mp4"), "{text}");

    let asking = timed(&rig, "_HLS_msn=4");
    let presenting = async {
        rig.until(async || rig.held().await == 1).await;
        play(&rig, 3, 3).await;
        play(&rig, 4, 0).await;
    };
    let ((status, _, text), ()) = tokio::join!(asking, presenting);
    assert_eq!(status, 200);
    assert!(text.contains("/v0/4.mp4"), "{text}");
    assert_eq!(rig.held().await, 0);
}

#[tokio::test]
async fn who_asks_for_nonsense_or_too_far_ahead_is_told_at_once() {
    let rig = Rig::start().await;
    play(&rig, 3, 1).await;
    for query in [
        "_HLS_msn=6",
        "_HLS_msn=4&_HLS_part=13",
        "_HLS_part=1",
        "_HLS_msn=x",
        "_HLS_msn=-1",
    ] {
        let (status, _, text) = timed(&rig, query).await;
        assert_eq!(status, 400, "{query}: {text}");
        assert!(text.contains("error"), "{text}");
    }
    assert_eq!(timed(&rig, "_HLS_skip=YES&other=1").await.0, 200);
}

#[tokio::test]
async fn a_reload_is_not_held_for_ever() {
    let rig = Rig::start().await;
    play(&rig, 3, 1).await;
    let (status, held, text) = timed(&rig, "_HLS_msn=4&_HLS_part=1").await;
    assert_eq!(status, 503, "{text}");
    assert!(
        (2900..6000).contains(&held.as_millis()),
        "three target durations of a second: {held:?}"
    );
}

#[tokio::test]
async fn while_the_publisher_is_away_the_playlist_comes_without_news() {
    let rig = Rig::start().await;
    let mut away = playing(&rig, 3, 1);
    away.state = State::Away;
    rig.present(101, &away).await;
    let (status, _, text) = timed(&rig, "_HLS_msn=4&_HLS_part=1").await;
    assert_eq!(status, 200, "{text}");
    assert!(!text.contains("/v0/4.1.mp4"));
}

#[tokio::test]
async fn nobody_waits_for_a_playlist_that_has_ended() {
    let rig = Rig::start().await;
    let mut ended = playing(&rig, 3, 0);
    ended.documents[2].text += "#EXT-X-ENDLIST\n";
    ended.state = State::Ended;
    rig.present(101, &ended).await;
    let (status, _, text) = timed(&rig, "_HLS_msn=4&_HLS_part=1").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("#EXT-X-ENDLIST\n"));
}
