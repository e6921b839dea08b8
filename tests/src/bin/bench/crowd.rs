//! How many publishers an origin bears: a hundred, and none of them is to be sent away or slowed down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tests::{
    eventually::until,
    mesh::Mesh,
    publisher::{Clip, RawPublisher, Unit, raw},
};
use tokio_util::task::TaskTracker;

use crate::{
    cost::{Memory, key_of, on_air, plan},
    cpu,
    goal::AtMost,
    metrics::Metrics,
    stream,
};

const LIVE: &str = "boxmesh_origin_channels_live";
const SEALED: &str = "boxmesh_origin_chunks_sealed_total";

const KILOBITS: u32 = 1000;

/// Everybody arrives within this time: encoders are not started by one hand.
const ARRIVALS: Duration = Duration::from_secs(2);

const START_LIMIT: Duration = Duration::from_mins(1);

pub(crate) async fn measure(publishers: u8, span: Duration) -> Result<()> {
    println!(
        "Crowd: {publishers} publishers of 1 Mbit/s (720p H.264, AAC) for {} s.",
        span.as_secs()
    );
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let clip = stream::clip(folder.path(), KILOBITS).await?;
    let channels: Vec<_> = (0..publishers).map(|one| format!("ch{one}")).collect();
    let mut mesh = Mesh::launch(plan(&channels, 0)).await?;

    let tasks = TaskTracker::new();
    let late = Late::default();
    let mut crowd = Vec::new();
    for channel in &channels {
        let address = mesh.origin().address("rtmp");
        let publisher = RawPublisher::publish(address, &key_of(channel)).await?;
        crowd.push(tasks.spawn(push(publisher, clip.clone(), late.clone())));
        tokio::time::sleep(ARRIVALS / u32::from(publishers)).await;
    }
    until("all channels to be on air", START_LIMIT, async || {
        Ok(on_air(&mesh).await? == channels.len())
    })
    .await?;

    let pid = mesh.origin.as_mut().map(|origin| origin.process().pid());
    let pid = pid.context("the origin runs")?;
    let (before, time) = (metrics(&mesh).await?, cpu::time_of(pid)?);
    let begun = Instant::now();
    late.take();
    tokio::time::sleep(span).await;
    let late = late.take();
    let (after, time) = (metrics(&mesh).await?, cpu::time_of(pid)?.saturating_sub(time));
    let elapsed = begun.elapsed();

    // Whoever still pushes was neither sent away nor lost.
    let dropped = crowd.iter().filter(|one| one.is_finished()).count();
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
    let sealed = after.get(SEALED)? - before.get(SEALED)?;
    let memory = Memory::of(&mesh).await?;
    mesh.stop()?;

    #[expect(clippy::cast_precision_loss, reason = "there are two hundred at most")]
    let dropped = AtMost {
        figure: dropped as f64,
        goal: 0.0,
        unit: "",
    };
    println!("  dropped                        {dropped}");
    println!(
        "  on air at the end: {}   chunks sealed: {sealed}   a picture left at most {} ms late",
        after.get(LIVE)?,
        late.as_millis()
    );
    println!(
        "  processor time of the origin: {:.2} s, {:.0} % of one",
        time.as_secs_f64(),
        100.0 * time.as_secs_f64() / elapsed.as_secs_f64()
    );
    println!("  memory                         {memory}\n");
    Ok(())
}

async fn metrics(mesh: &Mesh) -> Result<Metrics> {
    Metrics::of(&mesh.http, &mesh.origin().url("/metrics")).await
}

/// Pushes until the origin will not have it any more.
pub(crate) async fn push(mut publisher: RawPublisher, clip: Clip, late: Late) -> Result<()> {
    publisher.introduce(0, &clip).await?;
    let begun = Instant::now();
    let note = |time: Duration, _: &Unit| {
        late.note(begun.elapsed().saturating_sub(time));
        u32::try_from(time.as_millis()).ok()
    };
    raw::perform(&mut publisher, &clip, Duration::ZERO..Duration::MAX, note).await
}

/// How much later than it should anything left a publisher, in milliseconds: as an origin that reads too slowly,
/// or a machine with too much to do, makes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Late(Arc<AtomicU64>);

impl Late {
    fn note(&self, late: Duration) {
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_max(millis, Ordering::Relaxed);
    }

    /// The most since the last time that this was asked.
    fn take(&self) -> Duration {
        Duration::from_millis(self.0.swap(0, Ordering::Relaxed))
    }
}
