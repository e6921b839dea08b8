//! What several promises need.

use std::time::Duration;

use anyhow::{Context, Result};
use tests::{eventually::eventually, manifest::Manifest, mesh::Mesh, node::Node, viewer::Sight};

/// The channel's path in front of a manifest's relative URLs.
pub(crate) fn media_url(node: &Node, relative: &str) -> String {
    node.url(&format!("/live/{}/{relative}", tests::plan::CHANNEL))
}

/// Fetches a segment from `node`, which may still be waiting for it.
pub(crate) async fn fetch(mesh: &Mesh, node: &Node, relative: &str) -> Result<Vec<u8>> {
    let url = media_url(node, relative);
    eventually(&url, Duration::from_secs(10), async || {
        let answer = mesh.http.get(&url).send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        Ok(Some(answer.bytes().await?.to_vec()))
    })
    .await
}

/// The SHA-256 of every piece of media that the origin has made so far.
pub(crate) async fn truth(mesh: &Mesh) -> Result<Vec<String>> {
    let manifest: Manifest = mesh.manifest().await?;
    let mut hashes = Vec::new();
    for track in &manifest.tracks {
        for (_, relative) in &track.segments {
            let segment = fetch(mesh, mesh.origin(), relative).await;
            let segment = segment.with_context(|| format!("the origin has no {relative}"))?;
            hashes.extend(tests::segment::media_hashes(&segment));
        }
    }
    Ok(hashes)
}

/// The first segment that `node` has of the stream: a box takes a few seconds to hear of a new channel.
pub(crate) async fn carried_from(mesh: &Mesh, node: &Node) -> Result<u32> {
    eventually(
        "the box to carry the channel",
        Duration::from_secs(30),
        async || {
            let manifest = mesh.manifest().await?;
            for (number, relative) in &manifest.track("v0").segments {
                let answer = mesh.http.head(media_url(node, relative)).send().await?;
                if answer.status().is_success() {
                    return Ok(Some(*number));
                }
            }
            Ok(None)
        },
    )
    .await
}

/// The box that gave most between the two.
pub(crate) fn in_use(before: &Sight, after: &Sight) -> Result<String> {
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
