//! A box may keep media on a disk, and a disk that is full costs its viewers nothing.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::{eventually::until, mesh::Mesh, segment::hash, turn::Turn};

use crate::support::{carried_from, fetch, media_url};

/// As promised to operators.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_box_on_a_full_disk_serves_on_and_uses_it_again_when_there_is_space() -> Result<()> {
    let Some(disk) = SmallDisk::mount("8m") else {
        eprintln!("skipped: mounting a file system takes root");
        return Ok(());
    };
    let _turn = Turn::light().await;
    let storage = disk.0.path();
    let mut mesh = Mesh::of(0).await?;
    let arguments = ["--storage", "20MB", "--storage-dir", &storage.to_string_lossy()];
    mesh.add_box(&arguments).await?;
    mesh.listed(1).await?;
    let others = storage.join("others");
    let filled = fs::write(&others, vec![0; 16 << 20]);
    ensure!(filled.is_err(), "the disk is not as small as it should be");

    let _replay = mesh.replay().await?;
    mesh.on_air(2, 1).await?;
    let first = carried_from(&mesh, &mesh.boxes[0]).await?;
    serves_the_origins_bytes(&mesh, first).await?;
    ensure!(on_disk(&mesh).await? == 0, "the disk is full");

    fs::remove_file(&others)?;
    until("chunks on disk", RECOVERY, async || Ok(on_disk(&mesh).await? > 0)).await?;
    serves_the_origins_bytes(&mesh, first).await?;
    ensure!(files(storage)? > 0, "what is on disk is in its folder");

    mesh.boxes[0].process().stop()?;
    ensure!(files(storage)? == 0, "a box takes what it kept with it");
    Ok(())
}

/// Fetches all that is whole from that segment on from the box and from the origin.
async fn serves_the_origins_bytes(mesh: &Mesh, first: u32) -> Result<()> {
    let manifest = mesh.on_air(first + 2, 1).await?;
    for (number, relative) in &manifest.track("v0").segments {
        if *number < first {
            continue;
        }
        let made = fetch(mesh, mesh.origin(), relative).await?;
        let served = fetch(mesh, &mesh.boxes[0], relative).await?;
        let url = media_url(&mesh.boxes[0], relative);
        assert_eq!(hash(&served), hash(&made), "{url} differs from the origin's");
    }
    Ok(())
}

/// Bytes that the box says it has on disk.
async fn on_disk(mesh: &Mesh) -> Result<u64> {
    let answer = mesh.http.get(mesh.boxes[0].url("/metrics")).send().await?;
    let text = answer.text().await?;
    let bytes = text
        .lines()
        .find_map(|line| line.strip_prefix("boxmesh_box_disk_bytes "));
    Ok(bytes.context("no metric")?.parse()?)
}

/// Chunks in a storage folder, whole or not.
fn files(storage: &Path) -> Result<usize> {
    let files = fs::read_dir(storage.join("chunks"))?;
    let paths = files.filter_map(|file| file.ok().map(|file| file.path()));
    Ok(paths.filter(|path| path.extension().is_some()).count())
}

/// A file system of that size; none where mounting one takes more rights than we have.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::with_prefix("boxmesh-disk-").ok()?;
        let size = format!("size={size},mode=700");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
