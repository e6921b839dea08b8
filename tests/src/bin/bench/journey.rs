//! How long a chunk travels: from the publisher's last byte of it to when three boxes can give it to viewers.
//!
//! The built-in publisher notes when it gave the last byte of each picture to its socket. At every box a viewer
//! reads the segment in the making, as it comes, and notes when each chunk was whole. What lies between is the
//! chunk's journey; it holds the time to the next picture, without which the origin cannot know that
//! the chunk has ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tests::{
    mesh::Mesh,
    plan::Plan,
    publisher::{Clip, Kind, Replay},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    spread::Spread,
    watcher::{Seen, Watcher},
};

const BOXES: usize = 3;

/// When the last byte of each picture was sent, by its decoding time.
type Sent = Arc<Mutex<Vec<(Duration, Instant)>>>;

pub(crate) async fn measure(span: Duration) -> Result<()> {
    println!(
        "Journey: from the last byte of a video chunk given to the origin's RTMP socket until it was read"
    );
    println!(
        "whole, over HTTP, from the third box to have it; {} s of a 25/s stream, one machine.",
        span.as_secs()
    );
    println!(
        "It includes up to one picture's 40 ms: only the next picture tells the origin that a chunk ended."
    );
    for seeds in [3, 1] {
        let times = travel(seeds, span).await?;
        let how = if seeds == 3 {
            "three seeds: fed by the origin "
        } else {
            "one seed: through neighbours "
        };
        println!("  {how:32} {}", Spread::of(times));
    }
    Ok(())
}

async fn travel(seeds: u8, span: Duration) -> Result<Vec<Duration>> {
    let mut mesh = Mesh::launch(Plan {
        boxes: BOXES,
        origin_arguments: vec!["--seeds".into(), seeds.to_string()],
        ..Plan::default()
    })
    .await?;
    let sent = Sent::default();
    let note = sent.clone();
    let rtmp = mesh.origin().address("rtmp");
    let replay = Replay::observed(
        rtmp,
        &mesh.stream_key(),
        Clip::built_in(),
        move |time, at, unit| {
            if unit.kind == Kind::Video {
                note.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((time, at));
            }
        },
    )
    .await?;
    let from = mesh.on_air(2, BOXES).await?.track("v0").newest() + 1;

    let channel = mesh.channel().await?.context("the channel is on air")?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut watchers = Vec::new();
    for peer_box in &mesh.boxes {
        let watcher = Watcher::new(mesh.http.clone(), peer_box.address("http"), &channel)?;
        watchers.push(tasks.spawn(watcher.watch(from, stop.clone())));
    }
    tokio::time::sleep(span).await;
    stop.cancel();
    let mut seen = Vec::new();
    for watcher in watchers {
        seen.push(watcher.await??);
    }
    replay.stop().await?;
    mesh.stop()?;
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(journeys(&sent, &seen))
}

/// One time for each chunk that all boxes were seen to have.
fn journeys(sent: &[(Duration, Instant)], seen: &[Seen]) -> Vec<Duration> {
    let mut last_seen: HashMap<Duration, (usize, Instant)> = HashMap::new();
    for &(end, at) in seen.iter().flatten() {
        let (count, last) = last_seen.entry(end).or_insert((0, at));
        *count += 1;
        *last = (*last).max(at);
    }
    let everywhere = last_seen
        .into_iter()
        .filter(|(_, (count, _))| *count == seen.len());
    everywhere
        .filter_map(|(end, (_, at))| {
            // Its last picture is the last one decoded before it ends.
            let number = sent.partition_point(|(time, _)| *time < end);
            let (_, last_byte) = sent.get(number.checked_sub(1)?)?;
            Some(at.saturating_duration_since(*last_byte))
        })
        .collect()
}
