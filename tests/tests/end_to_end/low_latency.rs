//! Who watches is two seconds behind, with hardly more than one ahead, and does not notice what becomes of a box all the same.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    ailing::{Ailing, Fault},
    mesh::Mesh,
    plan::Plan,
    turn::Turn,
    viewer::Viewer,
};

use crate::support::in_use;

/// What the manifest asks players for, and what a start may be behind that.
const LATENCY: std::ops::RangeInclusive<f64> = 0.5..=2.6;

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_two_seconds_behind_by_what_comes_from_boxes() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(10)).await?;

    let page = sight.page();
    let latency = page.latency.context("it knows how far behind it is")?;
    assert!(LATENCY.contains(&latency), "{latency} s");
    assert!(page.stalls.is_empty(), "{page:?}");
    let (from_boxes, all) = page.box_bytes();
    assert!(from_boxes * 10 >= all * 9, "{page:?}");
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_normal_latency_plays_by_whole_segments() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(1).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(4, 1).await?;
    let page = format!("{}?latency=normal", mesh.watch_url());
    let mut viewer = Viewer::open(&page, mesh.folder()).await?;
    viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(4)).await?;

    let latency = sight.page().latency.context("it knows how far behind it is")?;
    assert!(latency > *LATENCY.end(), "{latency} s");
    assert!(sight.page().stalls.is_empty());
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_refuses_has_lost_it_drips_or_lies_costs_no_stall() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut mesh = Mesh::launch(Plan {
        boxes: 0,
        ..Plan::default()
    })
    .await?;
    let mut boxes = Vec::new();
    for _ in 0..3 {
        boxes.push(Ailing::join(&mut mesh).await?);
    }
    mesh.listed(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;

    let faults = [
        Fault::Answers(503),
        Fault::Answers(404),
        Fault::Drips,
        Fault::Alters,
        Fault::Replays,
    ];
    for fault in faults {
        let before = viewer.state().await?;
        let after = viewer.watches(Duration::from_secs(3)).await?;
        let victim = in_use(&before, &after)?;
        let number = mesh.number_of(&victim)?;
        boxes[number].set(Some(fault));
        let sight = viewer.watches(Duration::from_secs(6)).await?;

        ensure!(
            boxes[number].shown() > 0,
            "{fault:?}: it was never asked: nothing was tried"
        );
        let page = sight.page();
        assert!(
            page.stalls.is_empty(),
            "{fault:?}: {page:?}\n{}",
            viewer.console()
        );
        let lies = matches!(fault, Fault::Alters | Fault::Replays);
        assert_eq!(page.banned.contains(&victim), lies, "{fault:?}: {page:?}");
        assert_eq!(page.unverified_chunks, 0);
        boxes[number].set(None);
    }
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_that_all_stop_at_once_cost_less_than_two_seconds() -> Result<()> {
    let _turn = Turn::browser().await;
    let mut mesh = Mesh::of(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    viewer.watches(Duration::from_secs(5)).await?;

    for one in &mut mesh.boxes {
        one.process().freeze()?;
    }
    let sight = viewer.watches(Duration::from_secs(12)).await?;
    for one in &mut mesh.boxes {
        one.process().thaw()?;
    }
    let stall = sight.page().longest_stall();
    assert!(
        stall < Duration::from_secs(2),
        "it stalled for {stall:?}\n{}",
        viewer.console()
    );
    viewer.close().await
}
