//! What one box serves: beside nginx, to a thousand viewers, and while two thousand connections only take up room; what
//! it costs when it serves nobody, and how soon one that joins serves its first segment.
//!
//! The box gets what it serves as every box does: a publisher pushes two channels to an origin, which seeds it. What nginx
//! serves are the same bytes, read from the box.

mod beside;
pub(crate) mod crowd;
mod idle;
mod joining;
pub(crate) mod viewer;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::{
    eventually::{eventually, until},
    mesh::Mesh,
    publisher::RawPublisher,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::{
    cost::{key_of, on_air, plan},
    crowd::{Late, push},
    stream,
};

/// 3.2 Mbit/s of pictures are 800 kB in the two seconds of a segment; the rest is sound.
const LARGE: (&str, u32) = ("bench-large", 3300);

/// What each viewer of the crowd takes: 1 Mbit/s.
const SMALL: (&str, u32) = ("bench-small", 1100);

const START_LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn measure(span: Duration, rounds: u8) -> Result<()> {
    println!(
        "Serving: one box, which a publisher's 3.2 Mbit/s and 1 Mbit/s of pictures reach through an origin."
    );
    let names = [LARGE.0.to_owned(), SMALL.0.to_owned()];
    let mut mesh = Mesh::launch(plan(&names, 0)).await?;
    // An uplink that is in nobody's way: what is measured is the box.
    let number = mesh.add_box(&["--upload", "100gbit"]).await?;
    mesh.listed(1).await?;
    idle::measure(&mut mesh, number, span).await?;

    let _publishers = publish(&mesh).await?;
    joining::measure(&mut mesh).await?;
    beside::measure(&mut mesh, number, span, rounds).await?;
    crowd::measure(&mut mesh, number, span).await?;
    let ended = mesh.boxes[number].process().ended()?;
    ensure!(
        ended.is_none(),
        "the box ended: {}",
        mesh.boxes[number].process().tail()
    );
    mesh.stop()?;
    println!();
    Ok(())
}

/// Puts both channels on air, until these are dropped.
async fn publish(mesh: &Mesh) -> Result<Vec<AbortOnDropHandle<Result<()>>>> {
    let tasks = TaskTracker::new();
    let mut publishers = Vec::new();
    for (channel, kilobits) in [LARGE, SMALL] {
        let folder = TempDir::with_prefix("boxmesh-bench-")?;
        let clip = stream::clip(folder.path(), kilobits).await?;
        let publisher = RawPublisher::publish(mesh.origin().address("rtmp"), &key_of(channel)).await?;
        publishers.push(AbortOnDropHandle::new(tasks.spawn(push(
            publisher,
            clip,
            Late::default(),
        ))));
    }
    until("both channels to be on air", START_LIMIT, async || {
        Ok(on_air(mesh).await? == publishers.len())
    })
    .await?;
    Ok(publishers)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "megabytes, with two digits behind the point"
)]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The path of the newest whole segment of a channel's pictures, once the box has all of it.
async fn newest(mesh: &Mesh, number: usize, channel: &str) -> Result<String> {
    let known = mesh.channels().await?;
    let known = known.into_iter().find(|known| known.name == channel);
    let known = known.context("the channel is on air")?;
    let path = format!("/live/{channel}/{}/v0/{}.m4v", known.epoch, known.newest);
    let url = mesh.boxes[number].url(&path);
    eventually("the segment at the box", START_LIMIT, async || {
        let answer = mesh.http.get(&url).send().await?;
        let is_whole = answer.headers().contains_key("etag");
        answer.bytes().await?;
        Ok(is_whole.then(|| path.clone()))
    })
    .await
}
