//! Who asks for what cannot be had is told so, clearly, and disturbs nobody.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::{
    eventually::{throughout, until},
    mesh::Mesh,
    plan::CHANNEL,
    publisher::{Session, SessionError},
    turn::Turn,
};
use wire::{
    announcement::{self, Announcement, Load, Served},
    audience::Audience,
    id::{ChannelName, Epoch},
    key::SecretKey,
    presentation::{self, Presentation},
    tracker_id::TrackerId,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_stream_key_is_refused_in_words_that_the_encoder_shows() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(0).await?;

    let words = encoders_words(&mesh.push_url("not-the-stream-key")).await?;
    assert!(words.contains("no channel has this stream key"), "{words}");
    let refused = Session::open(mesh.origin().address("rtmp"), "not-the-stream-key").await;
    assert!(
        matches!(refused, Err(SessionError::Refused(_))),
        "{:?}",
        refused.err()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_publisher_is_refused_and_the_first_goes_on() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(0).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(1, 0).await?;

    let words = encoders_words(&mesh.push_url(&mesh.stream_key())).await?;
    assert!(words.contains("has a publisher already"), "{words}");

    let newest = mesh.on_air(1, 0).await?.track("v0").newest();
    mesh.on_air(newest + 2, 0).await?;
    Ok(replay.stop().await?)
}

/// What ffmpeg prints when it tries to push to `url` and may not.
async fn encoders_words(url: &str) -> Result<String> {
    let mut command = tokio::process::Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "info", "-nostdin", "-re"]);
    command.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "5"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-f", "flv", url]);
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(30), output).await??;
    assert!(!output.status.success(), "ffmpeg was let in");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_channel_is_not_found_anywhere() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let asked = [
        mesh.trackers[0].url("/live/nobody/manifest.mpd"),
        mesh.boxes[0].url("/live/nobody/1790000000000/v0/1.m4v"),
        mesh.origin().url("/live/nobody/1790000000000/v0/1.m4v"),
    ];
    for url in asked {
        let answer = mesh.http.get(&url).send().await?;
        assert_eq!(answer.status().as_u16(), 404, "{url}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{url}");
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        assert!(
            body["error"].as_str().is_some_and(|words| !words.is_empty()),
            "{url}: {body}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_announcement_is_refused_and_changes_nothing() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let url = mesh.trackers[0].url(announcement::PATH);
    let tracker = tracker_id(&mesh).await?;
    let secret = SecretKey::from_seed([7; 32]);
    let mut body = announcement_of(&secret, tracker).sign(&secret).to_vec();
    let last = body.len() - 1;
    body[last] ^= 1;

    let (status, words) = post(&mesh, &url, body).await?;
    assert_eq!(status, 403, "{words}");
    assert!(words.contains("sign"), "{words}");

    // Another's announcement that names itself is as good as none.
    let stranger = announcement_of(&secret, tracker).sign(&SecretKey::from_seed([8; 32]));
    let (status, words) = post(&mesh, &url, stranger.to_vec()).await?;
    assert_eq!(status, 403, "{words}");

    let (status, words) = post(&mesh, &url, vec![0xFF; 100]).await?;
    assert_eq!(status, 400, "{words}");
    // Just over the bound: of a larger body the sender would still be busy when the refusal cuts it off.
    let (status, _) = post(&mesh, &url, vec![0; 17 << 10]).await?;
    assert_eq!(status, 413);

    let id = announcement_of(&secret, tracker).id().to_string();
    throughout(
        "the tracker lists only the honest box",
        Duration::from_secs(2),
        async || {
            let listed = mesh.listed_boxes(0).await?;
            Ok(listed.len() == 1 && listed[0].id != id)
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_is_not_where_it_says_is_not_listed_and_is_told_why() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let url = mesh.trackers[0].url(announcement::PATH);
    let tracker = tracker_id(&mesh).await?;
    // The address is a real box's, which has another key and signs another proof.
    let secret = SecretKey::from_seed([9; 32]);
    let mut sequence = 0;
    until("the tracker to say why", Duration::from_secs(15), async || {
        let mut claim = announcement_of(&secret, tracker);
        sequence = claim.sequence.max(sequence + 1);
        claim.sequence = sequence;
        claim.http = mesh.boxes[0].url("").parse().context("a URL")?;
        let (status, words) = post(&mesh, &url, claim.sign(&secret).to_vec()).await?;
        assert_eq!(status, 200, "{words}");
        let reply: Value = serde_json::from_str(&words)?;
        assert_eq!(reply["listed"], false, "{reply}");
        // Before the first try the tracker has nothing to say against it.
        Ok(reply["why"]
            .as_str()
            .is_some_and(|why| why.contains("proof") || why.contains("key")))
    })
    .await?;
    assert_eq!(mesh.listed_boxes(0).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_the_tracker_does_not_trust_publishes_nothing() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(0).await?;
    let _replay = mesh.replay().await?;
    let on_air = mesh.on_air(1, 0).await?;
    let secret = SecretKey::from_seed([3; 32]);
    let channel: ChannelName = CHANNEL.parse()?;
    let forged = Presentation {
        version: wire::Version,
        key: secret.public(),
        sequence: now_ms(),
        channel,
        epoch: Epoch(now_ms()),
        state: wire::presentation::State::Live,
        http: "http://127.0.0.1:9".parse()?,
        documents: vec![wire::presentation::Document::new("manifest.mpd", "<MPD/>")],
        newest: 1,
        viewer_bytes: 0,
        tracks: Vec::new(),
        silent: Vec::new(),
        poster: 0,
        warnings: Vec::new(),
        successions: Vec::new(),
        takedowns: Vec::new(),
        audience: Audience::default(),
        seeds: Vec::new(),
    };
    let url = mesh.trackers[0].url(presentation::PATH);
    let (status, words) = post(&mesh, &url, forged.sign(&secret).to_vec()).await?;
    assert_eq!(status, 403, "{words}");
    assert!(words.contains("not trusted"), "{words}");

    let after = mesh.manifest().await?;
    assert_eq!(
        after.track("v0").init,
        on_air.track("v0").init,
        "the channel was taken over"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_key_is_in_no_log_and_no_answer() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(1).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(2, 1).await?;
    encoders_words(&mesh.push_url(&mesh.stream_key())).await?;
    replay.stop().await?;

    let key = mesh.stream_key();
    let mut said = String::new();
    for path in ["/api/v1/channels", "/api/v1/boxes", "/metrics"] {
        said += &mesh
            .http
            .get(mesh.trackers[0].url(path))
            .send()
            .await?
            .text()
            .await?;
    }
    said += &mesh.boxes[0].process().stderr();
    said += &mesh.trackers[0].process().stderr();
    let origin = mesh.origin.as_mut().context("the origin runs")?;
    let log = origin.process().stderr();
    assert!(
        log.contains(CHANNEL),
        "the origin's log tells of no publisher: {log}"
    );
    assert!(
        !said.contains(&key) && !log.contains(&key),
        "the stream key leaked"
    );
    Ok(())
}

/// What the tracker calls itself.
async fn tracker_id(mesh: &Mesh) -> Result<TrackerId> {
    let ready = mesh.http.get(mesh.trackers[0].url("/readyz")).send().await?;
    let ready: Value = serde_json::from_str(&ready.text().await?)?;
    Ok(ready["tracker"].as_str().context("no id")?.parse()?)
}

fn announcement_of(secret: &SecretKey, tracker: TrackerId) -> Announcement {
    Announcement {
        version: wire::Version,
        key: secret.public(),
        sequence: now_ms(),
        leaving: false,
        http: "http://127.0.0.1:9".parse().expect("a base URL"),
        zmq_port: 9,
        p2p_port: 9,
        load: Load::default(),
        served: Served::default(),
        carried: Vec::new(),
        room: 0,
        channels: Vec::new(),
        met: Vec::new(),
        audiences: Vec::new(),
        tracker,
    }
}

fn now_ms() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
    u64::try_from(since.as_millis()).expect("it is before the year 500 million")
}

async fn post(mesh: &Mesh, url: &str, body: Vec<u8>) -> Result<(u16, String)> {
    let answer = mesh.http.post(url).body(body).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}
