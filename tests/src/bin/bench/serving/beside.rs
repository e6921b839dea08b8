//! The box beside nginx, which serves the same file: as many requests as 64 connections can make, in turns.

use std::{fs, time::Duration};

use ::tests::mesh::Mesh;
use anyhow::{Context, Result};
use tempfile::TempDir;

use super::LARGE;
use crate::{
    nginx::Nginx,
    wrk::{CONNECTIONS, Run},
};

const GOAL: f64 = 0.9;

/// In how many turns of each a round is split: short ones, so that both meet the same weather.
const TURNS: u8 = 3;

pub(super) async fn measure(mesh: &mut Mesh, number: usize, span: Duration, rounds: u8) -> Result<()> {
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let nginx = Nginx::serving(folder.path()).await?;
    let pid = mesh.boxes[number].process().pid();
    let span = span / (2 * u32::from(TURNS));
    let (mut ours, mut theirs) = (Run::default(), Run::default());
    let mut bytes = 0;
    for round in 1..=rounds {
        let path = super::newest(mesh, number, LARGE.0).await?;
        let url = mesh.boxes[number].url(&path);
        let segment = mesh.http.get(&url).send().await?.bytes().await?;
        bytes = segment.len();
        let file = folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().context("it has a folder")?)?;
        fs::write(&file, &segment)?;

        let (mut of_box, mut of_nginx) = (Run::default(), Run::default());
        for _ in 0..TURNS {
            of_box.add(&Run::of(&url, pid, span).await?);
            let url = format!("http://{}{path}", nginx.address);
            of_nginx.add(&Run::of(&url, nginx.pid(), span).await?);
        }
        println!("  round {round}: box {of_box}   nginx {of_nginx}");
        ours.add(&of_box);
        theirs.add(&of_nginx);
    }
    println!("  segments of {bytes} bytes, {CONNECTIONS} connections");
    ours.judge("box", &theirs, GOAL, 1.1);
    Ok(())
}
