//! The pages are for everybody: whoever cannot see them well, and whoever does not want to be seen.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::{mesh::Mesh, node::Node, turn::Turn, viewer::Viewer};

/// The host and port of a program.
fn host_of(node: &Node) -> String {
    let url = node.url("");
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_serious_fault_for_those_who_cannot_see_it_well() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(2, 2).await?;
    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;

    for path in ["/watch/demo", "/embed/demo", "/", "/status", "/no/such/page"] {
        viewer.go_to(&mesh.trackers[0].url(path)).await?;
        let words = match path {
            "/" | "/status" => "demo",
            "/no/such/page" => "404",
            _ => "",
        };
        if words.is_empty() {
            viewer.plays().await?;
        } else {
            let limit = Duration::from_secs(10);
            viewer
                .until(words, limit, |sight| sight.text.contains(words))
                .await?;
        }
        for colours in ["light", "dark"] {
            viewer.prefers(colours).await?;
            let found = viewer.violations().await?;
            ensure!(found.is_empty(), "{path}, {colours}: {found:#?}");
        }
    }
    viewer.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_only_the_origin_asks_no_box_from_then_on() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(2, 2).await?;
    let boxes: Vec<String> = mesh.boxes.iter().map(host_of).collect();
    let origin = host_of(mesh.origin());
    let is_box = |host: &String| boxes.contains(host);

    let mut viewer = Viewer::open(&mesh.watch_url(), mesh.folder()).await?;
    viewer.plays().await?;
    ensure!(
        viewer.asked().await?.iter().any(is_box),
        "boxes are asked at first"
    );

    viewer.click(".fold:has(input)>summary").await?;
    viewer.click(".switch>input").await?;
    viewer.asked().await?;
    viewer.watches(Duration::from_secs(5)).await?;
    let asked = viewer.asked().await?;
    ensure!(!asked.iter().any(is_box) && asked.contains(&origin), "{asked:?}");

    // It is remembered, and the pictures of the list come from the origin too.
    for path in ["/watch/demo", "/"] {
        viewer.go_to(&mesh.trackers[0].url(path)).await?;
        if path == "/" {
            let limit = Duration::from_secs(10);
            viewer
                .until("the channel", limit, |sight| sight.text.contains("demo"))
                .await?;
        } else {
            viewer.plays().await?;
        }
    }
    let asked = viewer.asked().await?;
    ensure!(!asked.iter().any(is_box) && asked.contains(&origin), "{asked:?}");
    viewer.close().await
}
