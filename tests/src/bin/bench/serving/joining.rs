//! A box that joins while a stream is on: how soon a viewer gets a whole segment from it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tests::{eventually::eventually, mesh::Mesh};

use super::LARGE;
use crate::goal::AtMost;

const GOAL_SECONDS: f64 = 3.0;
const LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn measure(mesh: &mut Mesh) -> Result<()> {
    let known = mesh.channels().await?;
    let known = known.into_iter().find(|known| known.name == LARGE.0);
    let known = known.context("the channel is on air")?;
    let path = format!("/live/{}/{}/v0/{}.m4v", LARGE.0, known.epoch, known.newest);

    let began = Instant::now();
    let number = mesh.add_box(&[]).await?;
    let url = mesh.boxes[number].url(&path);
    let bytes = eventually("a segment at the box that joined", LIMIT, async || {
        let answer = mesh.http.get(&url).send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        // One that is cut off was not served.
        Ok(answer.bytes().await.ok().map(|bytes| bytes.len()))
    })
    .await?;
    let took = AtMost {
        figure: began.elapsed().as_secs_f64(),
        goal: GOAL_SECONDS,
        unit: "s",
    };
    println!("  joined to first segment served {took}   ({bytes} bytes)");
    mesh.boxes[number].process().stop()?;
    Ok(())
}
