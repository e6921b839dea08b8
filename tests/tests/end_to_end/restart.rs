//! An origin that dies and comes back says nothing that contradicts what it said before.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use tests::{
    eventually::{eventually, until},
    manifest::Manifest,
    mesh::Mesh,
    node::Node,
    publisher::Replay,
    segment::hash,
    turn::Turn,
};

use crate::support::media_url;

const RESTARTS: usize = 5;

/// A new segment is served so soon after the publisher is back: it lasts two seconds itself.
const BACK_LIMIT: Duration = Duration::from_secs(6);

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_killed_again_and_again_is_back_soon_and_reuses_no_url() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let mut seen = Seen::default();
    let mut replay = mesh.replay().await?;
    mesh.on_air(2, 2).await?;
    for round in 0..RESTARTS {
        seen.look(&mesh).await?;
        let epoch = newest_epoch(&mesh.manifest().await?);
        let origin = mesh.origin.as_mut().expect("it was started");
        origin.process().kill()?;
        // Its publisher hears of it.
        until("the publisher to be cut off", LIMIT, async || {
            Ok(!replay.is_running())
        })
        .await?;
        origin.restart().await?;
        // What boxes still hold of before is what it was.
        seen.look(&mesh).await?;

        replay = back(&mesh).await?;
        let returned = Instant::now();
        eventually("a new segment", LIMIT, async || {
            let Ok(manifest) = mesh.manifest().await else {
                return Ok(None);
            };
            let track = manifest.tracks.iter().find(|track| track.id == "v0");
            let first = track.and_then(|track| track.segments.first());
            let Some((_, relative)) = first.filter(|_| newest_epoch(&manifest) > epoch) else {
                return Ok(None);
            };
            let answer = mesh.http.get(media_url(mesh.origin(), relative)).send().await?;
            Ok(answer.status().is_success().then_some(()))
        })
        .await?;
        let took = returned.elapsed();
        assert!(took <= BACK_LIMIT, "round {round}: it took {took:?}");
    }
    seen.look(&mesh).await?;
    assert!(seen.epochs() > RESTARTS, "{} epochs", seen.epochs());
    replay.stop().await?;
    mesh.all_running()
}

/// The publisher again: the dead connection no longer holds its key.
async fn back(mesh: &Mesh) -> Result<Replay> {
    eventually("the publisher to be let in again", LIMIT, async || {
        Ok(mesh.replay().await.ok())
    })
    .await
}

fn newest_epoch(manifest: &Manifest) -> u64 {
    let newest = manifest.periods.last();
    newest.and_then(|period| period.id.parse().ok()).unwrap_or(0)
}

/// Every path of media that was ever named, and what it was answered with.
#[derive(Default)]
struct Seen(HashMap<String, Option<String>>);

impl Seen {
    /// Asks everybody for everything that was ever named: who answers answers the same as ever.
    async fn look(&mut self, mesh: &Mesh) -> Result<()> {
        if let Ok(manifest) = mesh.manifest().await {
            for track in &manifest.tracks {
                let segments = track.segments.iter().map(|(_, relative)| relative);
                for relative in segments.chain([&track.init]) {
                    self.0.entry(relative.clone()).or_default();
                }
            }
        }
        for (relative, known) in &mut self.0 {
            for node in mesh.boxes.iter().chain(&mesh.origin) {
                let Some(found) = answer(mesh, node, relative).await? else {
                    continue;
                };
                let before = known.get_or_insert_with(|| found.clone());
                assert_eq!(*before, found, "{relative} is another now");
            }
        }
        Ok(())
    }

    fn epochs(&self) -> usize {
        let answered = self.0.iter().filter(|(_, hash)| hash.is_some());
        let mut epochs: Vec<_> = answered
            .filter_map(|(relative, _)| relative.split('/').next())
            .collect();
        epochs.sort_unstable();
        epochs.dedup();
        epochs.len()
    }
}

/// The hash of what `node` has there, if it has it.
async fn answer(mesh: &Mesh, node: &Node, relative: &str) -> Result<Option<String>> {
    let answer = mesh.http.get(media_url(node, relative)).send().await?;
    if !answer.status().is_success() {
        return Ok(None);
    }
    Ok(Some(hash(&answer.bytes().await?)))
}
