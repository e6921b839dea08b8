//! Boxes come and go, and those who watch do not notice.

use std::time::{Duration, Instant};

use anyhow::Result;
use tests::{
    eventually::until,
    mesh::Mesh,
    turn::Turn,
    viewer::{Sight, Viewer},
};

use crate::support::in_use;

/// A box expires ten seconds after its last announcement.
const DROP_LIMIT: Duration = Duration::from_secs(12);
const LONGEST_STALL: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_dies_while_it_is_watched_costs_no_stall_and_leaves_the_manifest() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut mesh = Mesh::of(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    let start = viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(6)).await?;

    let victim = in_use(&start, &sight)?;
    let number = mesh.number_of(&victim)?;
    mesh.boxes[number].process().kill()?;
    let killed = Instant::now();
    until("the tracker to drop the dead box", DROP_LIMIT, async || {
        let manifest = mesh.manifest().await?;
        let named = manifest.boxes().any(|source| source.location == victim);
        let listed = mesh.listed_boxes(0).await?.iter().any(|one| one.id == victim);
        Ok(!named && !listed)
    })
    .await?;
    viewer
        .watches(Duration::from_secs(15).saturating_sub(killed.elapsed()))
        .await?;

    let after = viewer.state().await?;
    let stall = after.page().longest_stall();
    assert!(
        stall <= LONGEST_STALL,
        "it stalled for {stall:?}\n{}",
        viewer.console()
    );
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_hangs_while_it_is_watched_costs_no_stall() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut mesh = Mesh::of(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    let start = viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(6)).await?;

    let victim = in_use(&start, &sight)?;
    let number = mesh.number_of(&victim)?;
    mesh.boxes[number].process().freeze()?;
    viewer.watches(Duration::from_secs(12)).await?;

    let after = viewer.state().await?;
    mesh.boxes[number].process().thaw()?;
    let stall = after.page().longest_stall();
    assert!(
        stall <= LONGEST_STALL,
        "it stalled for {stall:?}\n{}",
        viewer.console()
    );
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_boxes_are_gone_the_origin_itself_carries_on() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut mesh = Mesh::of(2).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 2).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let before = viewer.watches(Duration::from_secs(5)).await?;

    for number in 0..mesh.boxes.len() {
        mesh.boxes[number].process().kill()?;
    }
    let after = viewer.watches(Duration::from_secs(15)).await?;

    let from_origin = |sight: &Sight| {
        let (from_boxes, all) = sight.page().box_bytes();
        all - from_boxes
    };
    assert!(from_origin(&after) > from_origin(&before) + 500_000, "{after:?}");
    let stall = after.page().longest_stall();
    assert!(
        stall <= LONGEST_STALL,
        "it stalled for {stall:?}\n{}",
        viewer.console()
    );
    viewer.close().await
}
