//! What a publisher pushes is sealed, kept, served and presented.

use std::process::ExitCode;

use program::lifecycle::{Lifecycle, now_ms};
use wire::chunk::SealedChunk;
use wire::id::{ChannelName, ChunkId, INIT_SEGMENT, TrackId};
use wire::news::News;
use wire::presentation::{Presentation, TakenDown};

use crate::harness::{PATIENCE, start, start_with};
use crate::tracker::Tracker;

fn demo() -> ChannelName {
    "demo".parse().unwrap()
}

fn is_live(presentation: &Presentation) -> bool {
    presentation.state.is_on_air()
}

#[tokio::test]
async fn what_is_published_is_presented_and_served_under_the_origins_seal() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..8000).await;

    let presented = tracker.hears("three segments", |heard| heard.newest >= 3).await;
    assert!(presented.state.is_on_air());
    assert_eq!((presented.key, &presented.channel), (origin.key, &demo()));
    assert_eq!(
        presented.http.to_string(),
        format!("http://{}", origin.running.http)
    );
    assert!(
        presented
            .document("manifest.mpd")
            .unwrap()
            .contains(&format!("{}/$RepresentationID$/$Number$.m4v", presented.epoch))
    );
    assert_eq!(
        presented
            .tracks
            .iter()
            .map(|track| track.track)
            .collect::<Vec<_>>(),
        [TrackId::VIDEO, TrackId::AUDIO]
    );

    for (track, segment, file) in [
        (TrackId::VIDEO, INIT_SEGMENT, "v0/init.m4v"),
        (TrackId::AUDIO, INIT_SEGMENT, "a0/init.m4a"),
    ] {
        let response = origin
            .get(&format!("/live/demo/{}/{file}", presented.epoch))
            .await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let id = ChunkId {
            channel: demo(),
            epoch: presented.epoch,
            track,
            segment,
            index: 0,
        };
        SealedChunk::new(response.bytes().await.unwrap())
            .open(&id, &[origin.key])
            .unwrap();
    }
    for file in ["v0/1.m4v", "a0/1.m4a", "v0/3.m4v", "a0/3.m4a"] {
        let response = origin
            .get(&format!("/live/demo/{}/{file}", presented.epoch))
            .await;
        assert!(response.status().is_success(), "{file}");
        assert!(response.headers().contains_key("etag"), "{file} is whole");
    }
    encoder.vanish().await;
}

#[tokio::test]
async fn a_channel_ends_with_its_publisher_and_begins_again_in_a_later_epoch() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    let first = tracker.hears("the channel", is_live).await;
    encoder.vanish().await;
    let ended = tracker.hears("its end", |heard| !heard.state.is_on_air()).await;
    assert_eq!(ended.epoch, first.epoch);
    assert_eq!(ended.newest, 3, "its last segment counts");

    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    tracker
        .hears("a later epoch", |heard| {
            heard.state.is_on_air() && heard.epoch > first.epoch
        })
        .await;
    let old = origin.get(&format!("/live/demo/{}/v0/1.m4v", first.epoch)).await;
    assert!(old.status().is_success(), "those who watched may finish");
    encoder.vanish().await;
}

#[tokio::test]
async fn a_break_in_the_timestamps_begins_an_epoch_and_costs_no_publisher() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    let first = tracker.hears("the channel", is_live).await;
    encoder.send(3_600_000..3_605_000).await;
    tracker
        .hears("a later epoch", |heard| {
            heard.state.is_on_air() && heard.epoch > first.epoch
        })
        .await;
    encoder.vanish().await;
}

#[tokio::test]
async fn a_publisher_that_leaves_before_it_was_on_air_takes_no_epochs_place() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    encoder.vanish().await;
    let first = tracker.hears("its end", |heard| !heard.state.is_on_air()).await;

    let mut brief = origin.publish().await;
    brief.send_pictures(0..1000).await;
    let live = |line: &str| line == "boxmesh_origin_channels_live 1";
    origin.counts("the brief publisher", live).await;
    brief.vanish().await;
    let over = |line: &str| line == "boxmesh_origin_channels_live 0";
    origin.counts("its end", over).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    tracker
        .hears("the third publisher", |heard| {
            heard.state.is_on_air() && heard.epoch > first.epoch
        })
        .await;
    // Of three epochs the first would have left by now.
    let old = origin.get(&format!("/live/demo/{}/v0/1.m4v", first.epoch)).await;
    assert!(old.status().is_success());
    encoder.vanish().await;
}

#[tokio::test]
async fn a_publisher_whose_time_always_jumps_is_sent_away() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    for hour in 0..14 {
        let time = hour * 3_600_000;
        encoder.send(time..time + 200).await;
    }
    let refused = |line: &str| line == "boxmesh_origin_publishers_refused_total 1";
    origin.counts("the refusal", refused).await;
}

#[tokio::test]
async fn an_origin_that_ends_says_so_and_leaves_nothing_running() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    tracker.hears("the channel", is_live).await;

    let (rtmp, http) = (origin.running.rtmp, origin.running.http);
    assert_eq!(origin.stop().await, ExitCode::SUCCESS, "every task ended in time");
    tracker.hears("its end", |heard| !heard.state.is_on_air()).await;
    for address in [rtmp, http] {
        assert!(
            tokio::net::TcpListener::bind(address).await.is_ok(),
            "the port is free again"
        );
    }
}

#[tokio::test]
async fn media_does_not_wait_for_a_tracker() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let origin = start_with(folder.path(), &url, &[]).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    encoder.vanish().await;

    let kept = |line: &str| line.starts_with("boxmesh_origin_window_bytes ") && !line.ends_with(" 0");
    origin.counts("bytes kept", kept).await;
    origin
        .counts("the publisher's end", |line| {
            line == "boxmesh_origin_channels_live 0"
        })
        .await;
    assert_eq!(origin.get("/healthz").await.text().await.unwrap(), "ok\n");
}

#[tokio::test]
async fn two_origins_do_not_share_a_data_folder() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let line = [
        "origin",
        "--tracker",
        &tracker.url,
        "--data-dir",
        folder.path().to_str().unwrap(),
    ];
    let settings = <origin::settings::Command as clap::Parser>::try_parse_from(line)
        .unwrap()
        .settings;
    let error = origin::Identity::of(&settings, Vec::new())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("--data-dir: ") && error.contains("in use"),
        "{error}"
    );
    origin.stop().await;
    origin::Identity::of(&settings, Vec::new()).unwrap();
}

#[tokio::test]
async fn what_a_tracker_takes_down_is_gone_signed_and_refused_until_it_is_allowed() {
    let (world, folder) = (Lifecycle::default(), tempfile::tempdir().unwrap());
    let tracker = Tracker::start(&world).await;
    let origin = start(&folder, &tracker).await;
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    let first = tracker.hears("the channel", is_live).await;
    let media = format!("/live/demo/{}/v0/1.m4v", first.epoch);
    assert!(origin.get(&media).await.status().is_success(), "the witness");

    tracker.take_down(TakenDown {
        channel: true,
        epochs: vec![],
    });
    let takedown = News::takedown(demo(), first.epoch);
    let says = |heard: &Presentation| {
        let mut signed = heard.takedowns.iter();
        signed.any(|signed| News::open(signed, &[origin.key]).unwrap() == takedown)
    };
    let down = tracker.hears("the takedown, signed", says).await;
    assert!(!down.state.is_on_air(), "and it has ended");
    assert!(down.documents.is_empty(), "nothing of it is listed");
    assert_eq!(origin.get(&media).await.status(), 410);
    for sent_away in [encoder, origin.publish().await] {
        let hung_up = tokio::time::timeout(PATIENCE, sent_away.hung_up()).await;
        hung_up.expect("nobody publishes there now");
    }

    // The epoch stays down; what is published after it is seen again.
    tracker.take_down(TakenDown {
        channel: false,
        epochs: vec![first.epoch],
    });
    let mut told = now_ms();
    for what in ["the answer", "that it was heard"] {
        told = tracker.hears(what, |heard| heard.sequence > told).await.sequence;
    }
    let mut encoder = origin.publish().await;
    encoder.send(0..5000).await;
    let later = tracker
        .hears("a later epoch", |heard| {
            is_live(heard) && heard.epoch > first.epoch
        })
        .await;
    assert!(says(&later));
    let manifest = later.document("manifest.mpd").unwrap();
    assert!(!manifest.contains(&first.epoch.to_string()), "{manifest}");
    assert_eq!(origin.get(&media).await.status(), 410);
    let media = format!("/live/demo/{}/v0/1.m4v", later.epoch);
    assert!(origin.get(&media).await.status().is_success());
    encoder.vanish().await;
}
