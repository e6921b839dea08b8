//! The origin's key rotates, and who trusts the old one goes on.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    eventually::eventually,
    mesh::Mesh,
    node::{Node, Program},
    turn::Turn,
};
use wire::{
    chunk::SealedChunk,
    id::{ChunkId, Epoch, INIT_SEGMENT, TrackId},
    key::PublicKey,
};

use crate::support::fetch;

#[tokio::test(flavor = "multi_thread")]
async fn boxes_and_trackers_that_know_only_the_old_key_take_what_the_new_one_sealed() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let replay = mesh.replay().await?;
    let before = mesh.on_air(2, 2).await?;
    let old: PublicKey = mesh.origin_key().await?.parse()?;
    let next = rotate(&mesh)?;
    assert_ne!(next, old);
    replay.stop().await?;

    let origin = mesh.origin.as_mut().context("the origin")?;
    origin.process().kill()?;
    origin.restart().await?;
    let _replay = mesh.replay().await?;
    let after = eventually("the next epoch", Duration::from_secs(30), async || {
        let manifest = mesh.on_air(1, 2).await?;
        Ok((manifest.track("v0").init != before.track("v0").init).then_some(manifest))
    })
    .await?;
    for peer_box in &mesh.boxes {
        let init = sealed_init(&mesh, peer_box, &after.track("v0").init).await?;
        init.open(&next)?;
        ensure!(init.open(&old).is_err(), "the old key seals no more");
        // Who watched before still may.
        let init = sealed_init(&mesh, peer_box, &before.track("v0").init).await?;
        init.open(&old)?;
    }
    Ok(())
}

/// An init segment as a box serves it, and what it should be.
struct Served {
    id: ChunkId,
    bytes: Vec<u8>,
}

impl Served {
    fn open(&self, key: &PublicKey) -> Result<()> {
        let sealed = SealedChunk::new(self.bytes.clone().into());
        sealed.open(&self.id, std::slice::from_ref(key))?;
        Ok(())
    }
}

async fn sealed_init(mesh: &Mesh, node: &Node, relative: &str) -> Result<Served> {
    let epoch = relative.split('/').next().context("an epoch")?;
    let id = ChunkId {
        channel: tests::plan::CHANNEL.parse()?,
        epoch: Epoch(epoch.parse()?),
        track: TrackId::VIDEO,
        segment: INIT_SEGMENT,
        index: 0,
    };
    let bytes = fetch(mesh, node, relative).await?;
    Ok(Served { id, bytes })
}

fn rotate(mesh: &Mesh) -> Result<PublicKey> {
    let mut command: Command = Program::Origin.command()?;
    command.args(["key", "rotate", "--valid", "1h", "--data-dir"]);
    let output = command.arg(mesh.folder().join("origin")).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
