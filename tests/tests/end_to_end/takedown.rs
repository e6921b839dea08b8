//! What an origin takes down is gone from the boxes within a minute.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::{
    eventually::until,
    mesh::Mesh,
    node::{Node, Program},
    plan::{CHANNEL, Plan},
    publisher::{Clip, Replay},
    turn::Turn,
};

use crate::support::{fetch, media_url};

const WITHIN: Duration = Duration::from_mins(1);

/// Says something to a tracker with its token.
async fn says(mesh: &Mesh, token: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Program::Tracker.command()?;
    let url = mesh.trackers[0].url("");
    command.arg("channel").args(arguments);
    command.args(["--tracker", &url, "--admin-token-file", token]);
    let said = tokio::process::Command::from(command).output().await?;
    ensure!(said.status.success(), "{said:?}");
    Ok(())
}

/// How long it takes until that one answers 410 for a segment.
async fn gone(mesh: &Mesh, one: &Node, segment: &str, since: Instant) -> Result<()> {
    let url = media_url(one, segment);
    let left = WITHIN.saturating_sub(since.elapsed());
    until("it to have it no more", left, async || {
        Ok(mesh.http.get(&url).send().await?.status() == 410)
    })
    .await
}

/// Whoever publishes is refused, until it is allowed: then a later epoch is seen, and nothing of the one before.
async fn is_refused_until_allowed(mesh: &Mesh, token: &str, before: &str) -> Result<()> {
    let refused = mesh.replay().await?;
    until("it to be refused", Duration::from_secs(10), async || {
        Ok(!refused.is_running())
    })
    .await?;
    ensure!(mesh.channel().await?.is_none());
    says(mesh, token, &["allow", CHANNEL]).await?;
    let mut replays = Vec::new();
    until("it to be let in", Duration::from_mins(1), async || {
        if !replays.last().is_some_and(Replay::is_running) {
            replays.push(mesh.replay().await?);
        }
        Ok(mesh.channel().await?.is_some_and(|channel| channel.live))
    })
    .await?;
    let after = mesh.on_air(2, 3).await?;
    let (_, segment) = after.track("v0").segments.last().context("no segment")?.clone();
    fetch(mesh, &mesh.boxes[0], &segment).await?;
    for one in &mesh.boxes {
        ensure!(mesh.http.get(media_url(one, before)).send().await?.status() == 410);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_an_operator_takes_down_is_gone_within_a_minute_and_stays_away_until_it_is_allowed()
-> Result<()> {
    let _turn = Turn::light().await;
    let folder = TempDir::new()?;
    let token = folder.path().join("token");
    std::fs::write(&token, "the-token-of-this-test\n")?;
    let token = token.to_string_lossy().into_owned();
    let other = "a-key-of-the-other-channel";
    let mut mesh = Mesh::launch(Plan {
        boxes: 3,
        tracker_arguments: vec!["--admin-token-file".into(), token.clone()],
        origin_arguments: vec!["--stream-key".into(), format!("other={other}")],
        ..Plan::default()
    })
    .await?;
    let replay = mesh.replay().await?;
    let rtmp = mesh.origin().address("rtmp");
    let _goes_on = Replay::start(rtmp, other, Clip::built_in()).await?;
    let manifest = mesh.on_air(3, 3).await?;
    let segments: Vec<String> = ["v0", "a0"]
        .iter()
        .flat_map(|track| {
            manifest
                .track(track)
                .segments
                .iter()
                .map(|(_, segment)| segment.clone())
        })
        .collect();
    let newest = manifest
        .track("v0")
        .segments
        .last()
        .context("no segment")?
        .1
        .clone();
    for one in &mesh.boxes {
        fetch(&mesh, one, &newest).await?;
    }

    let started = Instant::now();
    says(&mesh, &token, &["take-down", CHANNEL, "--why", "a court says so"]).await?;
    ensure!(
        mesh.channel().await?.is_none(),
        "it is not listed any more, at once"
    );
    let refused = mesh
        .http
        .get(mesh.trackers[0].url("/live/demo/manifest.mpd"))
        .send()
        .await?;
    ensure!(refused.status() == 410, "{refused:?}");
    for one in mesh.boxes.iter().chain(&mesh.origin) {
        for segment in &segments {
            gone(&mesh, one, segment, started).await?;
        }
    }
    println!("gone after {:?}", started.elapsed());
    let log = mesh.trackers[0].process().stderr();
    ensure!(log.contains("audit") && log.contains("a court says so"), "{log}");
    until(
        "the publisher to be sent away",
        Duration::from_secs(10),
        async || Ok(!replay.is_running()),
    )
    .await?;

    // A box that comes later hears of it as well, and has nothing of it; the other channel goes on.
    let late = mesh.add_box(&[]).await?;
    mesh.listed(4).await?;
    until("the late box to have heard", WITHIN, async || {
        Ok(mesh
            .http
            .get(media_url(&mesh.boxes[late], &newest))
            .send()
            .await?
            .status()
            == 410)
    })
    .await?;
    let newest_of_other = async || -> Result<u32> {
        let channels = mesh.channels().await?;
        let other = channels.into_iter().find(|one| one.name == "other");
        Ok(other.context("the other channel is gone")?.newest)
    };
    let before = newest_of_other().await?;
    until(
        "the other channel to go on",
        Duration::from_secs(20),
        async || Ok(newest_of_other().await? > before + 1),
    )
    .await?;

    is_refused_until_allowed(&mesh, &token, &newest).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_its_origin_takes_down_is_gone_from_every_box_within_a_minute() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let replay = mesh.replay().await?;
    let manifest = mesh.on_air(3, 2).await?;
    let epoch = manifest.periods.last().context("no period")?.id.clone();
    let (_, segment) = manifest
        .track("v0")
        .segments
        .last()
        .context("no segment")?
        .clone();
    for one in &mesh.boxes {
        fetch(&mesh, one, &segment).await?;
    }
    let key = mesh.stream_key();
    let before = mesh.origin.as_mut().context("no origin")?;
    before.process().stop()?;
    drop(replay);

    let mut arguments: Vec<String> = ["--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"]
        .map(str::to_owned)
        .into();
    arguments.extend([
        mesh.data_dir("origin"),
        "--tracker".into(),
        mesh.trackers[0].url(""),
    ]);
    arguments.extend(["--stream-key".into(), format!("{CHANNEL}={key}")]);
    arguments.extend(["--take-down".into(), format!("{CHANNEL}/{epoch}")]);
    let origin = Node::start(Program::Origin, "origin-again", arguments, mesh.folder()).await?;
    let _replay = Replay::start(origin.address("rtmp"), &key, Clip::built_in()).await?;
    let started = Instant::now();
    for one in &mesh.boxes {
        let url = media_url(one, &segment);
        until(
            "the box to have it no more",
            WITHIN.saturating_sub(started.elapsed()),
            async || Ok(mesh.http.get(&url).send().await?.status() == 410),
        )
        .await?;
    }
    println!("gone after {:?}", started.elapsed());
    // What the origin publishes now is there.
    let after = mesh.on_air(2, 2).await?;
    let (_, newest) = after.track("v0").segments.last().context("no segment")?.clone();
    fetch(&mesh, &mesh.boxes[0], &newest).await?;
    Ok(())
}
