//! Every program ends within five seconds of being asked, and leaves nothing behind.

use std::{net::TcpListener, time::Duration};

use anyhow::Result;
use tests::{eventually::until, mesh::Mesh, turn::Turn};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_mesh_stops_in_time_and_gives_its_ports_back() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(3).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(2, 3).await?;

    let mut ports = Vec::new();
    for node in mesh.boxes.iter().chain(&mesh.origin).chain(&mesh.trackers) {
        ports.extend(node.greeting().listening.values().copied());
    }
    // A box: viewers, origins, boxes, its own page. An origin: publishers, viewers. A tracker: viewers.
    assert_eq!(ports.len(), 3 * 4 + 2 + 1);
    // Somebody is connected everywhere and says nothing more.
    let mut idle = Vec::new();
    for port in &ports {
        let mut stream = TcpStream::connect(port).await?;
        stream.write_all(b"G").await?;
        idle.push(stream);
    }

    // Each within its five seconds: more than that would be a complaint.
    mesh.stop()?;
    drop(idle);
    for port in ports {
        TcpListener::bind(port)?;
    }
    // The publisher saw its connection go.
    until("the publisher to notice", Duration::from_secs(5), async || {
        Ok(!replay.is_running())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_says_goodbye_is_gone_from_the_manifest_at_once() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(1, 2).await?;
    let id = mesh.boxes[0].greeting().id.clone().unwrap_or_default();
    let status = mesh.boxes[0].process().stop()?;
    assert!(status.success(), "{status}");
    // Far sooner than it would have expired.
    until("the goodbye to be heard", Duration::from_secs(3), async || {
        Ok(mesh.manifest().await?.boxes().all(|source| source.location != id))
    })
    .await
}
