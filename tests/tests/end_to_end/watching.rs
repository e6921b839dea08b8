//! A person who opens the watch page sees the stream, and sees it from boxes.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::{
    mesh::Mesh,
    plan::Plan,
    turn::Turn,
    viewer::{Sight, Viewer},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_page_plays_without_a_stall_and_nearly_all_of_it_comes_from_boxes() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(3).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 3).await?;

    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(20)).await?;

    let page = sight.page();
    assert!(page.stalls.is_empty(), "it stalled: {:?}", page.stalls);
    let (from_boxes, all) = page.box_bytes();
    ensure!(all > 1_000_000, "only {all} bytes of media were fetched");
    assert!(
        from_boxes * 10 >= all * 9,
        "{from_boxes} of {all} bytes came from boxes"
    );
    assert!(page.refused.is_empty() || page.refused.values().all(|&count| count == 0));
    assert!(page.verified_chunks > 0);
    assert_eq!(page.unverified_chunks, 0);
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_publisher_says_so_and_begins_by_itself_each_time_one_comes() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::launch(Plan {
        boxes: 2,
        origin_arguments: vec!["--wait".into(), "1s".into()],
        ..Plan::default()
    })
    .await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    let limit = Duration::from_secs(20);
    viewer
        .until(
            "the page to say that nobody is on air",
            limit,
            says_that_nobody_is_on_air,
        )
        .await?;

    let first = mesh.replay().await?;
    viewer.plays().await?;
    first.stop().await?;
    viewer
        .until(
            "the page to say that it is over",
            limit,
            says_that_nobody_is_on_air,
        )
        .await?;

    let _second = mesh.replay().await?;
    viewer.plays().await?;
    viewer.watches(Duration::from_secs(2)).await?;
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_when_the_publisher_goes_away_waits_and_goes_on_by_itself() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(2).await?;
    let first = mesh.replay().await?;
    mesh.on_air(2, 2).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    first.stop().await?;
    let away = viewer
        .until(
            "the page to wait for the broadcaster",
            Duration::from_secs(20),
            |sight| sight.page.as_ref().is_some_and(|page| page.state == "away"),
        )
        .await?;
    let pictures = away.video.as_ref().map_or(0, |video| video.pictures);
    assert!(pictures > 0, "the last picture stays: {away:?}");

    let _second = mesh.replay().await?;
    viewer.plays().await?;
    viewer.watches(Duration::from_secs(3)).await?;
    viewer.close().await
}

/// In its diagnostics, and in words that a person can read.
fn says_that_nobody_is_on_air(sight: &Sight) -> bool {
    let page = sight.page.as_ref().filter(|page| page.state == "off-air");
    let headline = page.and_then(|page| page.message.split('.').next());
    headline.is_some_and(|words| !words.is_empty() && sight.text.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_single_box_the_page_plays_from_the_origin() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(0).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(2, 0).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(5)).await?;
    assert_eq!(sight.page().box_bytes().0, 0);
    assert!(sight.page().verified_chunks > 0);
    viewer.close().await
}
