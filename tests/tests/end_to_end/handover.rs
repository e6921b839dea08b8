//! Boxes come and go, and those who watch do not notice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tests::{
    eventually::until,
    mesh::Mesh,
    turn::Turn,
    viewer::{Sight, Viewer},
};

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
    kill(&mut mesh, &victim)?;
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
    let number = number_of(&mesh, &victim)?;
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

/// The box that gave most between the two.
fn in_use(before: &Sight, after: &Sight) -> Result<String> {
    let earlier = &before.page().bytes;
    let grown = after
        .page()
        .bytes
        .iter()
        .filter(|(name, _)| name.starts_with("box-"));
    grown
        .max_by_key(|(name, bytes)| **bytes - earlier.get(*name).unwrap_or(&0))
        .map(|(name, _)| name.clone())
        .context("no box is in use")
}

fn number_of(mesh: &Mesh, id: &str) -> Result<usize> {
    let found = mesh
        .boxes
        .iter()
        .position(|one| one.greeting().id.as_deref() == Some(id));
    found.with_context(|| format!("no box of ours is {id}"))
}

fn kill(mesh: &mut Mesh, id: &str) -> Result<()> {
    let number = number_of(mesh, id)?;
    Ok(mesh.boxes[number].process().kill()?)
}
