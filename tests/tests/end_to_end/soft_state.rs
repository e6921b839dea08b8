//! The tracker's state is soft: lose all of it, and two announcements later it is back.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Result;
use tests::{
    eventually::until,
    manifest::Manifest,
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    redis::Redis,
    turn::Turn,
};

/// Two announcements, three seconds apart, and a moment for probes and polls.
const TWO_ANNOUNCEMENTS: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn boxes_are_back_two_announcements_after_tracker_and_redis_lost_everything() -> Result<()> {
    let _turn = Turn::light().await;
    let redis = Redis::start().await?;
    let mut mesh = Mesh::launch(Plan {
        redis: Some(redis.url()),
        ..Plan::default()
    })
    .await?;
    let _replay = mesh.replay().await?;
    let before = ids(&mesh.on_air(2, 3).await?);

    mesh.trackers[0].process().stop()?;
    redis.flush().await?;
    mesh.trackers[0].restart().await?;

    let restarted = Instant::now();
    until("all three boxes to be back", TWO_ANNOUNCEMENTS, async || {
        Ok(mesh
            .manifest()
            .await
            .is_ok_and(|manifest| ids(&manifest) == before))
    })
    .await?;
    println!("back after {:?}", restarted.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_of_redis_under_a_running_tracker_is_healed_too() -> Result<()> {
    let _turn = Turn::light().await;
    let redis = Redis::start().await?;
    let mesh = Mesh::launch(Plan {
        boxes: 2,
        redis: Some(redis.url()),
        ..Plan::default()
    })
    .await?;
    let _replay = mesh.replay().await?;
    let before = ids(&mesh.on_air(2, 2).await?);
    redis.flush().await?;
    until("both boxes to be back", TWO_ANNOUNCEMENTS, async || {
        Ok(mesh
            .manifest()
            .await
            .is_ok_and(|manifest| ids(&manifest) == before))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_answered_while_redis_is_away() -> Result<()> {
    let _turn = Turn::light().await;
    let mut redis = Redis::start().await?;
    let mesh = Mesh::launch(Plan {
        boxes: 2,
        redis: Some(redis.url()),
        ..Plan::default()
    })
    .await?;
    let _replay = mesh.replay().await?;
    let before = mesh.on_air(2, 2).await?;
    redis.process().kill()?;
    let asked = Instant::now();
    let after = mesh.manifest().await?;
    assert_eq!(ids(&after), ids(&before));
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        asked.elapsed()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trackers_on_one_redis_send_viewers_to_the_same_boxes() -> Result<()> {
    let _turn = Turn::light().await;
    let redis = Redis::start().await?;
    let mut mesh = Mesh::launch(Plan {
        trackers: 2,
        redis: Some(redis.url()),
        ..Plan::default()
    })
    .await?;
    let _replay = mesh.replay().await?;
    let first = ids(&mesh.on_air(2, 3).await?);
    assert_eq!(first.len(), 3);
    until(
        "the other tracker to say the same",
        Duration::from_secs(10),
        async || {
            Ok(mesh
                .manifest_of(1)
                .await
                .is_ok_and(|manifest| ids(&manifest) == first))
        },
    )
    .await?;

    // A viewer's session is good at either, and so is life when one of them goes.
    let session = location(&mesh).await?;
    let elsewhere = session.replacen(
        &mesh.trackers[0].address("http").to_string(),
        &mesh.trackers[1].address("http").to_string(),
        1,
    );
    mesh.trackers[0].process().stop()?;
    let answer = mesh.http.get(&elsewhere).send().await?.error_for_status()?;
    let theirs = Manifest::parse(&elsewhere, &answer.text().await?)?;
    assert_eq!(ids(&theirs), first);
    until(
        "boxes and origin to report to the other",
        Duration::from_secs(15),
        async || {
            let newest = mesh.manifest_of(1).await?.track("v0").newest();
            Ok(newest > theirs.track("v0").newest() + 2 && mesh.listed_boxes(1).await?.len() == 3)
        },
    )
    .await
}

fn ids(manifest: &Manifest) -> BTreeSet<String> {
    manifest.boxes().map(|source| source.location.clone()).collect()
}

/// The URL at which a viewer will ask for its next manifest.
async fn location(mesh: &Mesh) -> Result<String> {
    let url = mesh.trackers[0].url(&format!("/live/{CHANNEL}/manifest.mpd"));
    let mpd = mesh.http.get(url).send().await?.text().await?;
    let (_, rest) = mpd.split_once("<Location>").unwrap_or_default();
    let (location, _) = rest.split_once("</Location>").unwrap_or_default();
    Ok(location.replace("&amp;", "&"))
}
