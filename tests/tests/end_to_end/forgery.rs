//! Nobody has to trust a box: not one altered byte is rendered.

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use axum::{body::Body, http::Response};
use tests::{
    liar::{Liar, LiarToBe},
    mesh::Mesh,
    plan::Plan,
    relay::{Bound, Hand, Relay},
    turn::Turn,
    viewer::Viewer,
};

use crate::support::truth;

#[tokio::test(flavor = "multi_thread")]
async fn not_one_altered_byte_is_rendered_and_playback_goes_on() -> Result<()> {
    let _turn = Turn::browser().await;
    let (mut mesh, liar) = with_a_liar().await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 1).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    let liars_id = mesh.boxes[0].greeting().id.clone().context("a box has an id")?;

    // An honest box comes later, and takes over from the origin.
    let honest = mesh.add_box(&[]).await?;
    let honest = mesh.boxes[honest]
        .greeting()
        .id
        .clone()
        .context("a box has an id")?;
    viewer
        .until("the honest box to be asked", Duration::from_secs(40), |sight| {
            sight
                .page()
                .bytes
                .get(&honest)
                .is_some_and(|&bytes| bytes > 100_000)
        })
        .await?;
    let sight = viewer.watches(Duration::from_secs(6)).await?;

    ensure!(liar.lies() > 0, "the liar was never asked: nothing was tried");
    // What was shown last belongs to segments that manifests do not list yet.
    viewer.watches(Duration::from_secs(6)).await?;
    let truth: HashSet<String> = truth(&mesh).await?.into_iter().collect();
    let altered = sight.media.iter().filter(|hash| !truth.contains(*hash)).count();
    assert_eq!(
        altered,
        0,
        "{altered} of {} pieces were altered",
        sight.media.len()
    );
    let page = sight.page();
    assert!(
        page.refused.get(&liars_id).is_some_and(|&count| count > 0),
        "{page:?}"
    );
    assert!(page.banned.contains(&liars_id), "{page:?}");
    assert_eq!(page.unverified_chunks, 0);
    let stall = page.longest_stall();
    assert!(
        stall <= Duration::from_secs(1),
        "it stalled for {stall:?}\n{}",
        viewer.console()
    );
    viewer.close().await
}

/// At `http://` and an address of a LAN there is no WebCrypto, and a box has to be trusted as little.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_page_has_no_web_crypto_altered_bytes_are_refused_all_the_same() -> Result<()> {
    let _turn = Turn::browser().await;
    let (mesh, liar) = with_a_liar().await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 1).await?;
    let page = mesh.watch_url().replace("127.0.0.1", "boxmesh.test");
    let mut viewer = Viewer::open(&page, mesh.folder()).await?;
    let start = viewer.plays().await?;
    let sight = viewer.watches(Duration::from_secs(6)).await?;

    assert!(!start.secure, "the page has WebCrypto: nothing was tried");
    ensure!(liar.lies() > 0, "the liar was never asked: nothing was tried");
    let page = sight.page();
    let liars_id = mesh.boxes[0].greeting().id.clone().context("a box has an id")?;
    assert!(
        page.refused.get(&liars_id).is_some_and(|&count| count > 0),
        "{page:?}"
    );
    assert!(page.verified_chunks > 0);
    assert_eq!(page.unverified_chunks, 0);
    viewer.close().await
}

/// The negative control: without the check, altered bytes reach the decoder, and we would see them.
#[tokio::test(flavor = "multi_thread")]
async fn a_player_that_does_not_verify_renders_altered_bytes() -> Result<()> {
    let _turn = Turn::browser().await;
    let (mesh, liar) = with_a_liar().await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(3, 1).await?;
    let (page, _relay) = unverified_player(&mesh).await?;
    let mut viewer = Viewer::open(&page, mesh.folder()).await?;
    let sight = viewer
        .until("media to reach the decoder", Duration::from_secs(30), |sight| {
            sight.media.len() > 10
        })
        .await?;

    ensure!(liar.lies() > 0, "the liar was never asked: nothing was tried");
    // As above: what manifests do not list yet is no lie.
    viewer.watches(Duration::from_secs(6)).await?;
    let truth: HashSet<String> = truth(&mesh).await?.into_iter().collect();
    assert!(
        sight.media.iter().any(|hash| !truth.contains(hash)),
        "nothing was altered"
    );
    assert!(sight.page().unverified_chunks > 0);
    viewer.close().await
}

/// A mesh whose only box lies, so that every viewer begins with it.
async fn with_a_liar() -> Result<(Mesh, Liar)> {
    let mut mesh = Mesh::launch(Plan {
        boxes: 0,
        ..Plan::default()
    })
    .await?;
    let liar = LiarToBe::new().await?;
    let number = mesh.add_box(&["--public-url", &liar.url()?]).await?;
    let liar = liar.before(mesh.boxes[number].address("http"))?;
    liar.set_honest_to_trackers(true);
    mesh.listed(1).await?;
    Ok((mesh, liar))
}

/// The tracker with the unverified build of the player in front of it.
async fn unverified_player(mesh: &Mesh) -> Result<(String, Relay)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-player/dist-unverified");
    ensure!(
        folder.join("watch.html").is_file(),
        "no unverified player: run `make test`"
    );
    let bound = Bound::new().await?;
    let page = format!("{}/watch/{}", bound.url()?, tests::plan::CHANNEL);
    let files = Arc::new(Files {
        folder: folder.into(),
    });
    let relay = bound.relay(mesh.trackers[0].address("http"), files)?;
    Ok((page, relay))
}

struct Files {
    folder: Box<Path>,
}

impl Hand for Files {
    fn instead(&self, path: &str) -> Option<Response<Body>> {
        let file = match path.strip_prefix("/assets/") {
            Some(name) => self.folder.join("assets").join(name),
            None if path.starts_with("/watch/") => self.folder.join("watch.html"),
            None => return None,
        };
        let kind = match file.extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => "application/octet-stream",
        };
        let body = std::fs::read(file).ok()?;
        let answer = Response::builder().header("content-type", kind);
        answer.body(Body::from(body)).ok()
    }
}
