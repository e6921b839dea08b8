//! How long the origin takes: from the last byte of a chunk that comes in to the chunk, sealed, in a viewer's hands.
//!
//! A chunk of pictures has ended when the next picture begins, and the origin knows that when it has that picture: its
//! last byte is what closes the chunk. Each publisher notes when it begins to write that picture to its socket; a
//! viewer of each channel, who reads the segment in the making from the origin's own HTTP, notes when the chunk was whole.
//! What lies between holds the way of the picture through the publisher's socket, RTMP, packaging, hashing and signing,
//! the store, and the way of the whole chunk through the viewer's socket: all that a viewer has to wait for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tests::{
    eventually::until,
    mesh::Mesh,
    publisher::{Clip, Kind, RawPublisher, Unit, raw},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cost::{key_of, on_air, plan},
    goal::AtMost,
    spread::Spread,
    stream,
    watcher::Watcher,
};

const KILOBITS: u32 = 3000;
const GOAL_MILLIS: f64 = 5.0;
const START_LIMIT: Duration = Duration::from_secs(30);

/// Chunks of a channel are made so often. Publishers begin at all times within it, as encoders do that know nothing of
/// each other.
const CHUNK: Duration = Duration::from_millis(250);

/// Everything is under way, and nothing is compiled or connected for the first time.
const WARM: u32 = 1;

/// When each picture began to be sent, by its decoding time.
type Sent = Arc<Mutex<Vec<(Duration, Instant)>>>;

pub(crate) async fn measure(publishers: u8, span: Duration) -> Result<()> {
    println!(
        "Delay: {publishers} publishers of 3 Mbit/s for {} s; from when a publisher begins to write the picture that",
        span.as_secs()
    );
    println!("closes a chunk until a viewer at the origin has read the whole chunk, sealed, over HTTP.");
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let clip = stream::clip(folder.path(), KILOBITS).await?;
    let channels: Vec<_> = (0..publishers).map(|one| format!("bench-{one}")).collect();
    let mut mesh = Mesh::launch(plan(&channels, 0)).await?;

    let tasks = TaskTracker::new();
    let mut pushing = Vec::new();
    for channel in &channels {
        let publisher = RawPublisher::publish(mesh.origin().address("rtmp"), &key_of(channel)).await?;
        let sent = Sent::default();
        let task = tasks.spawn(push(publisher, clip.clone(), sent.clone()));
        pushing.push((channel, sent, task));
        // Off the beat of the others by a share of a chunk and, since all take a moment to be let in, by chance.
        tokio::time::sleep(CHUNK / u32::from(publishers)).await;
    }
    until("all channels to be on air", START_LIMIT, async || {
        Ok(on_air(&mesh).await? == channels.len())
    })
    .await?;

    let stop = CancellationToken::new();
    let mut watching = Vec::new();
    let known = mesh.channels().await?;
    for (name, sent, _) in &pushing {
        let channel = known.iter().find(|channel| channel.name == **name);
        let channel = channel.context("every channel is on air")?;
        let watcher = Watcher::new(mesh.http.clone(), mesh.origin().address("http"), channel)?;
        let task = tasks.spawn(watcher.watch(channel.newest + 1 + WARM, stop.clone()));
        watching.push((sent.clone(), task));
    }
    tokio::time::sleep(span).await;
    stop.cancel();
    let mut delays = Vec::new();
    for (sent, task) in watching {
        let seen = task.await??;
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        delays.extend(seen.into_iter().filter_map(|(end, at)| {
            let closing = sent.partition_point(|(time, _)| *time < end);
            let (_, begun) = sent.get(closing)?;
            Some(at.saturating_duration_since(*begun))
        }));
    }
    for (_, _, task) in &pushing {
        task.abort();
    }
    mesh.stop()?;

    let spread = Spread::of(delays);
    println!("  {spread}");
    let p99 = AtMost {
        figure: spread.millis(99),
        goal: GOAL_MILLIS,
        unit: "ms",
    };
    println!("  p99                            {p99}\n");
    Ok(())
}

/// Pushes until the origin will not have it any more.
async fn push(mut publisher: RawPublisher, clip: Clip, sent: Sent) -> Result<()> {
    publisher.introduce(0, &clip).await?;
    let note = |time: Duration, unit: &Unit| {
        if unit.kind == Kind::Video {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push((time, Instant::now()));
        }
        u32::try_from(time.as_millis()).ok()
    };
    raw::perform(&mut publisher, &clip, Duration::ZERO..Duration::MAX, note).await
}
