//! The tracker beside nginx, on the same processor in turns: as many manifests as 64 connections can ask for.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tests::{mesh::Mesh, plan::CHANNEL};

use crate::{
    cpu::Apart,
    nginx::Nginx,
    wrk::{CONNECTIONS, Run},
};

const GOAL: f64 = 1.0;

/// In how many turns of each a round is split.
const TURNS: u8 = 2;

/// Measures the tracker, which takes the share `idle` of its processor whoever asks.
pub(super) async fn measure(
    mesh: &mut Mesh,
    apart: &Apart,
    paths: &[String],
    idle: f64,
    span: Duration,
    rounds: u8,
) -> Result<()> {
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let list = folder.path().join("paths");
    fs::write(&list, paths.join("\n") + "\n")?;
    apart.begin()?;
    let nginx = Nginx::serving(folder.path()).await;
    apart.end()?;
    let nginx = nginx?;
    let tracker = mesh.trackers[0].url("");
    let pid = mesh.trackers[0].process().pid();
    let span = span / (2 * u32::from(TURNS));
    let (mut ours, mut theirs) = (Run::default(), Run::default());
    // Once: nginx remembers how long a file is that it has open.
    let bytes = copy(mesh, paths, folder.path()).await?;
    for round in 1..=rounds {
        let (mut of_tracker, mut of_nginx) = (Run::default(), Run::default());
        for _ in 0..TURNS {
            let mut run = Run::of_all(&tracker, &list, pid, span).await?;
            // What announcements take is not the answers'.
            let besides = Duration::from_secs_f64(idle * run.seconds);
            run.time = run.time.saturating_sub(besides);
            of_tracker.add(&run);
            let url = format!("http://{}", nginx.address);
            of_nginx.add(&Run::of_all(&url, &list, nginx.pid(), span).await?);
        }
        println!("  round {round}: tracker {of_tracker}   nginx {of_nginx}");
        ours.add(&of_tracker);
        theirs.add(&of_nginx);
    }
    println!(
        "  manifests of {bytes} bytes to {} sessions, {CONNECTIONS} connections, while all boxes announce",
        paths.len()
    );
    ours.judge("tracker", &theirs, GOAL, 1.0);
    Ok(())
}

/// Has nginx serve what the tracker answers to one of the sessions.
async fn copy(mesh: &Mesh, paths: &[String], folder: &Path) -> Result<usize> {
    let path = paths.first().context("there are sessions")?;
    let answer = mesh.http.get(mesh.trackers[0].url(path)).send().await?;
    let manifest = answer.error_for_status()?.bytes().await?;
    let file = folder.join(format!("live/{CHANNEL}/manifest.mpd"));
    fs::create_dir_all(file.parent().context("it has a folder")?)?;
    fs::write(&file, &manifest)?;
    Ok(manifest.len())
}
