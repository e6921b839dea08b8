//! Redis and trackers go, and those who watch do not notice.
//!
//! What an operator would see for half a minute or a whole one is kept to twenty-odd seconds here: more than twice as long as
//! announcements count, and so as bad as an hour. `make faults` takes the whole time.

mod numbered;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tests::{
    balancer::Balancer,
    eventually::until,
    mesh::Mesh,
    node::Node,
    plan::{CHANNEL, Plan},
    redis::{Redis, Watched},
    turn::Turn,
    viewer::Viewer,
};

use numbered::Numbered;

/// An announcement counts for ten seconds.
const AWAY: Duration = Duration::from_secs(22);

/// How long Redis, and how long all trackers, are away where that takes its whole time.
const REDIS_AWAY: Duration = Duration::from_secs(30);
const TRACKERS_AWAY: Duration = Duration::from_mins(1);

/// Two announcements, three seconds apart, and a moment for probes and polls.
const TWO_ANNOUNCEMENTS: Duration = Duration::from_secs(8);

/// Within this a failover is to be followed.
const FOLLOWED: Duration = Duration::from_secs(5);

async fn mesh_on(redis: String, trackers: usize, boxes: usize) -> Result<Mesh> {
    Mesh::launch(Plan {
        boxes,
        trackers,
        redis: Some(redis),
        ..Plan::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_for_long_and_one_that_is_emptied_stop_nobody_who_watches() -> Result<()> {
    redis_is_away(AWAY).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes its whole time: make faults"]
async fn a_redis_that_is_killed_for_half_a_minute_stops_nobody_who_watches() -> Result<()> {
    redis_is_away(REDIS_AWAY).await
}

async fn redis_is_away(span: Duration) -> Result<()> {
    let _turn = Turn::browser().await;
    let mut redis = Redis::start().await?;
    let mesh = mesh_on(redis.url(), 1, 2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(3, 2).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let before = listed(&mesh, 0).await?;

    redis.process().kill()?;
    let killed = Instant::now();
    while killed.elapsed() < span {
        ensure!(
            ready(&mesh, &mesh.trackers[0]).await?.is_some(),
            "it is not ready"
        );
        assert_eq!(listed(&mesh, 0).await?, before, "after {:?}", killed.elapsed());
        viewer.watches(Duration::from_secs(1)).await?;
    }
    assert_eq!(
        ready(&mesh, &mesh.trackers[0]).await?.as_deref(),
        Some("away"),
        "the witness"
    );

    redis.restart().await?;
    println!("Redis was away for {:?}", killed.elapsed());
    whole(&mesh, &redis.url(), &before, "tracker-after").await?;
    redis.flush().await?;
    whole(&mesh, &redis.url(), &before, "tracker-emptied").await?;
    unmoved(&mut viewer).await?;
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_of_redis_is_followed_within_five_seconds() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut redis = Watched::start().await?;
    let mesh = mesh_on(redis.url(), 1, 2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(3, 2).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let before = listed(&mesh, 0).await?;
    assert_eq!(
        ready(&mesh, &mesh.trackers[0]).await?.as_deref(),
        Some("there"),
        "the witness"
    );

    redis.first.process().kill()?;
    redis.failed_over().await?;
    let failed_over = Instant::now();
    until("the registry to be there again", FOLLOWED, async || {
        Ok(ready(&mesh, &mesh.trackers[0]).await?.as_deref() == Some("there"))
    })
    .await?;
    println!("followed after {:?}", failed_over.elapsed());
    whole(&mesh, &redis.url(), &before, "tracker-after").await?;
    unmoved(&mut viewer).await?;
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_trackers_that_is_killed_stops_nobody_who_watches() -> Result<()> {
    let _turn = Turn::browser().await;
    let redis = Redis::start().await?;
    let mut mesh = mesh_on(redis.url(), 2, 2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(3, 2).await?;
    let before = listed(&mesh, 0).await?;
    let trackers = mesh.trackers.iter().map(|tracker| tracker.address("http"));
    let balancer = Balancer::before(trackers.collect()).await?;
    let page = balancer.url(&format!("/watch/{CHANNEL}"));
    let mut viewer = Viewer::open(&page, mesh.folder()).await?;
    viewer.plays().await?;

    mesh.trackers[0].process().kill()?;
    viewer.watches(AWAY).await?;
    assert_eq!(listed(&mesh, 1).await?, before);
    unmoved(&mut viewer).await?;
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_all_trackers_are_gone_who_watches_in_low_latency_goes_on() -> Result<()> {
    trackers_are_away(AWAY).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes its whole time: make faults"]
async fn while_all_trackers_are_gone_for_a_minute_who_watches_in_low_latency_goes_on() -> Result<()> {
    trackers_are_away(TRACKERS_AWAY).await
}

async fn trackers_are_away(span: Duration) -> Result<()> {
    let _turn = Turn::browser().await;
    let redis = Redis::start().await?;
    let mut mesh = mesh_on(redis.url(), 2, 2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(5, 2).await?;
    let before = listed(&mesh, 0).await?;
    let viewer = Numbered::open(&mesh).await?;
    for tracker in &mut mesh.trackers {
        tracker.process().kill()?;
    }
    let killed = Instant::now();
    let watched = viewer.watch(span).await?;
    println!("trackers were away for {:?}: {watched:?}", killed.elapsed());
    assert_eq!(watched.stood_still, Duration::ZERO);
    // Two seconds each.
    let least = u32::try_from(span.as_secs() / 2)? - 1;
    ensure!(
        watched.segments >= least && watched.bytes > 500_000,
        "{watched:?}"
    );

    for tracker in &mut mesh.trackers {
        tracker.restart().await?;
    }
    // Boxes and origin ask less and less often, up to every 8 s, while nobody answers.
    until(
        "both boxes to be back",
        Duration::from_secs(8) + TWO_ANNOUNCEMENTS,
        async || Ok(listed(&mesh, 0).await? == before && listed(&mesh, 1).await? == before),
    )
    .await?;
    println!(
        "all boxes are back {:?} after that",
        killed.elapsed().saturating_sub(span)
    );
    mesh.on_air(5, 2).await?;
    Ok(())
}

/// The ids of the boxes that a tracker lists.
async fn listed(mesh: &Mesh, number: usize) -> Result<BTreeSet<String>> {
    let boxes = mesh.listed_boxes(number).await?;
    Ok(boxes.into_iter().map(|one| one.id).collect())
}

/// Where a tracker that is ready says that its registry is.
async fn ready(mesh: &Mesh, tracker: &Node) -> Result<Option<String>> {
    let answer = mesh.http.get(tracker.url("/readyz")).send().await?;
    if !answer.status().is_success() {
        return Ok(None);
    }
    let body: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
    Ok(body["registry"].as_str().map(str::to_owned))
}

/// Waits until the registry has all boxes again: a tracker that starts now knows of them from there alone.
async fn whole(mesh: &Mesh, redis: &str, boxes: &BTreeSet<String>, name: &str) -> Result<()> {
    let arguments = vec![
        "--http".into(),
        "127.0.0.1:0".into(),
        "--trust-origin".into(),
        mesh.origin_key().await?,
        "--redis".into(),
        redis.into(),
    ];
    let newcomer = Node::start(tests::node::Program::Tracker, name, arguments, mesh.folder()).await?;
    let begun = Instant::now();
    until("the registry to be whole", TWO_ANNOUNCEMENTS, async || {
        let answer = mesh.http.get(newcomer.url("/api/v1/boxes")).send().await?;
        let known: tests::status::Boxes = serde_json::from_str(&answer.text().await?)?;
        let known = known.boxes.into_iter().filter(|one| one.listed).map(|one| one.id);
        let manifest = newcomer.url(&format!("/live/{CHANNEL}/manifest.mpd"));
        let on_air = mesh.http.get(manifest).send().await?.status().is_success();
        Ok(on_air && known.collect::<BTreeSet<_>>() == *boxes)
    })
    .await?;
    println!("{name}: whole after {:?}", begun.elapsed());
    Ok(())
}

/// Whoever watches has seen no interruption.
async fn unmoved(viewer: &mut Viewer) -> Result<()> {
    let sight = viewer.watches(Duration::from_secs(2)).await?;
    let page = sight.page();
    assert!(
        page.stalls.is_empty(),
        "it stalled: {:?}\n{}",
        page.stalls,
        viewer.console()
    );
    Ok(())
}
