//! A box that serves nobody: nothing is published.

use std::time::Duration;

use anyhow::Result;
use tests::mesh::Mesh;

use crate::{cpu, goal::AtMost};

const GOAL_MEGABYTES: f64 = 30.0;
const GOAL_PERCENT: f64 = 1.0;

pub(super) async fn measure(mesh: &mut Mesh, number: usize, span: Duration) -> Result<()> {
    let pid = mesh.boxes[number].process().pid();
    let before = cpu::time_of(pid)?;
    tokio::time::sleep(span).await;
    let taken = cpu::time_of(pid)?.saturating_sub(before);
    let cpu = AtMost {
        figure: 100.0 * taken.as_secs_f64() / span.as_secs_f64(),
        goal: GOAL_PERCENT,
        unit: "%",
    };
    let memory = AtMost {
        figure: super::megabytes(mesh.boxes[number].resident_bytes()?),
        goal: GOAL_MEGABYTES,
        unit: "MB",
    };
    println!("  idle for {} s: of a processor   {cpu}", span.as_secs());
    println!("  idle: resident                 {memory}");
    Ok(())
}
