//! What one tracker bears: ten thousand boxes that announce to it every five seconds, over HTTP and with real signatures,
//! a Redis that keeps what they say, and viewers who ask for manifests.
//!
//! The tracker has a processor for itself, and so has nginx in its turns, while the tracker goes on hearing boxes; who asks,
//! Redis and the boxes share the other. Each session is answered with other boxes; nginx serves one such answer as a file.

mod beside;
mod boxes;
mod line;
mod pace;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::{
    eventually::until,
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    redis::Redis,
    status::Channels,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{announcement::Carried, id::Epoch};

use self::{boxes::Boxes, line::Line};
use crate::{
    cpu::{self, Apart},
    goal::AtMost,
    metrics::Metrics,
    serving::crowd::open_many_files,
    spread::Spread,
};

/// Proofs are asked for one after another.
const LISTED_LIMIT: Duration = Duration::from_secs(90);

/// How many viewers ask in turns.
const SESSIONS: usize = 1000;

const RATE: u32 = 5000;
const GOAL_MILLIS: f64 = 20.0;
const GOAL_CORE_PERCENT: f64 = 10.0;
const GOAL_REDIS_MEGABYTES: f64 = 30.0;

pub(crate) async fn measure(count: u16, span: Duration, rounds: u8) -> Result<()> {
    println!(
        "Tracking: {count} boxes that announce every {} s, a Redis, and viewers' manifests.",
        boxes::PERIOD.as_secs()
    );
    open_many_files()?;
    let apart = Apart::new()?;
    let mut redis = Redis::start().await?;
    let plan = Plan {
        boxes: 0,
        redis: Some(redis.url()),
        origin_arguments: ["--no-posters", "--seeds", "1"].map(str::to_owned).into(),
        ..Plan::default()
    };
    let mut mesh = Mesh::prepare(plan)?;
    apart.begin()?;
    let started = mesh.start_trackers().await;
    apart.end()?;
    started?;
    mesh.start_origin().await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(3, 0).await?;

    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _end = stop.clone().drop_guard();
    let (http, url) = (mesh.http.clone(), mesh.trackers[0].url("/api/v1/channels"));
    let (tell, carries) = watch::channel(carried(&http, &url).await?);
    tasks.spawn(stop.run_until_cancelled_owned(follow(http, url, tell)));

    let began = Instant::now();
    let announcing = Boxes::start(count, mesh.trackers[0].address("http"), &carries).await?;
    let metrics = mesh.trackers[0].url("/metrics");
    until("all boxes to be listed", LISTED_LIMIT, async || {
        let known = Metrics::of(&mesh.http, &metrics).await?;
        Ok(known.get("boxmesh_tracker_boxes_listed")? == u64::from(count))
    })
    .await
    .with_context(|| format!("{:?}", announcing.refused()))?;
    println!(
        "  all of them listed after {:.1} s",
        began.elapsed().as_secs_f64()
    );

    let idle = announce(&mut mesh, &mut redis, &announcing, span).await?;
    let paths = sessions(&mesh).await?;
    beside::measure(&mut mesh, &apart, &paths, idle, span, rounds).await?;
    steady(&mesh, &paths, span).await?;
    let (failed, why) = announcing.refused();
    let failed = AtMost {
        figure: f64::from(u32::try_from(failed)?),
        goal: 0.0,
        unit: "",
    };
    println!("  announcements that failed      {failed}");
    if let Some(why) = why {
        println!("    the first: {why:#}");
    }
    drop(announcing);
    mesh.stop()?;
    println!();
    Ok(())
}

/// What all of it costs while nobody watches: the tracker's share of a processor is answered.
async fn announce(mesh: &mut Mesh, redis: &mut Redis, boxes: &Boxes, span: Duration) -> Result<f64> {
    let (tracker, registry) = (mesh.trackers[0].process().pid(), redis.process().pid());
    boxes.times();
    let before = (Instant::now(), cpu::time_of(tracker)?, cpu::time_of(registry)?);
    tokio::time::sleep(span).await;
    let seconds = before.0.elapsed().as_secs_f64();
    let share = |now: Duration, before: Duration| now.saturating_sub(before).as_secs_f64() / seconds;
    let of_tracker = share(cpu::time_of(tracker)?, before.1);
    let of_redis = share(cpu::time_of(registry)?, before.2);
    let times = boxes.times();
    let rate = f64::from(u32::try_from(times.len())?) / seconds;
    let micros = of_tracker * 1e6 / rate.max(1.0);
    println!("  {rate:.0} announcements a second: {}", Spread::of(times));
    println!(
        "  tracker: {:.1} % of a processor, {micros:.0} µs each, {:.1} MB resident",
        of_tracker * 100.0,
        crate::serving::megabytes(mesh.trackers[0].resident_bytes()?)
    );
    let core = AtMost {
        figure: of_redis * 100.0,
        goal: GOAL_CORE_PERCENT,
        unit: "%",
    };
    let memory = AtMost {
        figure: crate::serving::megabytes(redis.process().resident_bytes()?),
        goal: GOAL_REDIS_MEGABYTES,
        unit: "MB",
    };
    println!("  Redis, share of a processor    {core}");
    println!("  Redis, resident                {memory}");
    Ok(of_tracker)
}

async fn steady(mesh: &Mesh, paths: &[String], span: Duration) -> Result<()> {
    let spread = pace::ask(mesh.trackers[0].address("http"), paths, RATE, span).await?;
    println!("  {RATE} manifests a second: {spread}");
    let p99 = AtMost {
        figure: spread.millis(99),
        goal: GOAL_MILLIS,
        unit: "ms",
    };
    println!("  p99                            {p99}");
    Ok(())
}

/// The paths at which so many viewers ask for their next manifest. No two of them are answered alike.
async fn sessions(mesh: &Mesh) -> Result<Vec<String>> {
    let tracker = &mesh.trackers[0];
    let mut line = Line::connect(IpAddr::V4(Ipv4Addr::LOCALHOST), tracker.address("http")).await?;
    let mut paths = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let mpd = line.get(&format!("/live/{CHANNEL}/manifest.mpd")).await?;
        let mpd = std::str::from_utf8(mpd)?;
        let location = mpd
            .split_once("<Location>")
            .and_then(|(_, rest)| rest.split_once("</Location>"));
        let (location, _) = location.context("a manifest without a location")?;
        let (_, path) = location.split_once("/live/").context("a location elsewhere")?;
        paths.push(format!("/live/{path}"));
    }
    paths.sort_unstable();
    paths.dedup();
    ensure!(paths.len() == SESSIONS, "some sessions are the same");
    Ok(paths)
}

/// Keeps what boxes carry at the edge.
async fn follow(http: reqwest::Client, url: String, tell: watch::Sender<Vec<Carried>>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // A question that failed is asked again.
        if let Ok(newest) = carried(&http, &url).await {
            tell.send_replace(newest);
        }
    }
}

/// What every box carries: all that there is.
async fn carried(http: &reqwest::Client, url: &str) -> Result<Vec<Carried>> {
    let text = http.get(url).send().await?.error_for_status()?.text().await?;
    let Channels { channels } = serde_json::from_str(&text)?;
    channels
        .into_iter()
        .map(|channel| {
            Ok(Carried {
                channel: channel.name.parse()?,
                epoch: Epoch(channel.epoch),
                newest: channel.newest,
            })
        })
        .collect()
}
