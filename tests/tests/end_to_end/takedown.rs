//! What an origin takes down is gone from the boxes within a minute.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tests::{
    eventually::until,
    mesh::Mesh,
    node::{Node, Program},
    plan::CHANNEL,
    publisher::{Clip, Replay},
    turn::Turn,
};

use crate::support::{fetch, media_url};

const WITHIN: Duration = Duration::from_mins(1);

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
