//! What becomes of a box that does wrong: real programs throughout, and the wrongdoer is the lab's.

use std::time::Duration;

use anyhow::{Context, Result};
use tests::{
    eventually::until,
    liar::{Liar, LiarToBe},
    mesh::Mesh,
    plan::Plan,
    turn::Turn,
};

/// A neighbour has to be banned, reported and looked at.
const LEFT_OUT: Duration = Duration::from_secs(40);

/// A seed is tried for 10 s before it is judged; meanwhile the channel goes on.
const SEGMENTS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_takes_everything_and_hands_nothing_on_is_replaced() -> Result<()> {
    let _turn = Turn::light().await;
    let (mut mesh, keeps, liar) = with_a_seed_that("silent").await?;
    liar.set_honest(true);
    let _encoder = mesh.publish()?;

    // The others have nothing until one of them is a seed.
    mesh.on_air(SEGMENTS, 2).await?;
    let log = mesh.trackers[0].process().stderr();
    let mut found = log.lines().filter(|line| line.contains("keeps to itself"));
    assert!(
        found.any(|line| line.contains(&keeps)),
        "{keeps} was never found out:\n{log}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_alters_what_it_hands_on_is_reported_by_its_neighbours_and_left_out() -> Result<()> {
    let _turn = Turn::light().await;
    let (mut mesh, accused, _liar) = with_a_seed_that("pollutes").await?;
    let _encoder = mesh.publish()?;

    until("the polluter to be left out", LEFT_OUT, async || {
        let listed = mesh.listed_boxes(0).await?;
        Ok(listed.len() == 2 && listed.iter().all(|one| one.id != accused))
    })
    .await?;
    let log = mesh.trackers[0].process().stderr();
    let mut told = log.lines().filter(|line| line.contains("a box reports another"));
    assert!(
        told.any(|line| line.contains(&accused)),
        "nobody reported {accused}:\n{log}"
    );
    let newest = mesh.channel().await?.context("it is on air")?.newest;
    mesh.on_air(newest + 3, 2).await?;
    assert_eq!(mesh.listed_boxes(0).await?.len(), 2, "the honest ones stay");
    Ok(())
}

/// A mesh of three boxes whose one seed has that fault, its id, and what stands before its HTTP port, altering.
async fn with_a_seed_that(fault: &str) -> Result<(Mesh, String, Liar)> {
    let mut mesh = Mesh::launch(Plan {
        boxes: 0,
        origin_arguments: vec!["--seeds".into(), "1".into()],
        ..Plan::default()
    })
    .await?;
    let liar = LiarToBe::new().await?;
    // Whoever can send most is the seed, as far as it is believed before anybody has seen it send (10 Mbit/s): the others have
    // what it hands on, or nothing.
    let seed = mesh
        .add_stranger(fault, &["--upload", "500mbit", "--public-url", &liar.url()?])
        .await?;
    let liar = liar.before(mesh.boxes[seed].address("http"))?;
    for _ in 0..2 {
        mesh.add_box(&["--upload", "5mbit"]).await?;
    }
    mesh.listed(3).await?;
    let id = mesh.boxes[seed].greeting().id.clone();
    Ok((mesh, id.context("a box has an id")?, liar))
}
