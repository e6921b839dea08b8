//! Players that know nothing of Boxmesh play a channel, and what they play comes from boxes.

use std::time::Duration;

use anyhow::Result;
use tests::{eventually::until, mesh::Mesh, plan::CHANNEL, stock, turn::Turn};

/// How long each plays.
const SPAN: Duration = Duration::from_secs(6);

/// A player on a busy machine may stand still for a moment, and begins within a segment.
const STILL_SECONDS: f64 = 1.0;
const LEAST_SECONDS: f64 = 4.5;

/// Media of six seconds is more than that.
const LEAST_BYTES: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn shaka_and_hls_js_play_from_boxes_as_they_come_from_their_makers() -> Result<()> {
    let _turn = Turn::browser().await;
    let mesh = Mesh::of(2).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(4, 2).await?;
    for (player, document) in [("shaka", "manifest.mpd"), ("hlsjs", "master.m3u8")] {
        let before = sent(&mesh).await?;
        let url = mesh.trackers[0].url(&format!("/live/{CHANNEL}/{document}"));
        let played = stock::play(player, &url, SPAN).await?;

        assert!(played.complaints.is_empty(), "{player}: {played:?}");
        assert!(played.pictures > 0, "{player}: {played:?}");
        assert!(played.played >= LEAST_SECONDS, "{player}: {played:?}");
        assert!(played.still <= STILL_SECONDS, "{player}: {played:?}");
        until("boxes to tell what they sent", SPAN, async || {
            Ok(sent(&mesh).await? >= before + LEAST_BYTES)
        })
        .await?;
    }
    Ok(())
}

/// Media bytes that boxes have sent to viewers, as they tell.
async fn sent(mesh: &Mesh) -> Result<u64> {
    Ok(mesh.boxes_of(0).await?.iter().map(|one| one.viewer_bytes).sum())
}
