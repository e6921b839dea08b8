//! A healthy mesh: how soon every box has every chunk, and what that costs.

use std::time::Duration;

use anyhow::{Context, Result};
use tests::measure::goal::AtMost;

use crate::{
    Lab,
    measure::{Deliveries, Figures, Look},
    plan::{ORDINARY, Plan},
    plot::{self, Point},
    report::{self, Goals},
    run::Run,
};

/// Before it is measured: the boxes of a mesh that has just begun are still finding their neighbours.
const SETTLE: Duration = Duration::from_secs(12);

/// After it: whatever has not come by then does not come in time for anybody.
const GRACE: Duration = Duration::from_secs(8);

/// How far the origin's bytes may be apart, in percent, between few boxes and many.
const APART: f64 = 2.0;

/// Meshes of each size.
pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let mut points = Vec::new();
    let mut left_origin = Vec::new();
    for boxes in lab.settings.boxes.clone() {
        let plan = Plan::of(boxes.into(), lab.settings.seeds);
        let figures = run(lab, &plan).await?;
        report::print(&plan.title, &figures, goals(figures.boxes), &mut lab.tally);
        left_origin.push(figures.origin_over_stream);
        points.push(Point {
            boxes: figures.boxes,
            p50: figures.delays.millis(50),
            p95: figures.delays.millis(95),
            p99: figures.delays.millis(99),
        });
    }
    if left_origin.len() > 1 {
        let least = left_origin.iter().copied().fold(f64::INFINITY, f64::min);
        let most = left_origin.iter().copied().fold(0.0, f64::max);
        println!("\nMeshes of {:?} boxes", lab.settings.boxes);
        lab.tally.judge(
            "the origin's bytes, apart by",
            AtMost {
                figure: (most / least - 1.0) * 100.0,
                goal: 2.0 * APART,
                unit: "%",
            },
        );
    }
    if let Some(file) = &lab.settings.plot
        && points.len() > 1
    {
        let title = format!(
            "From the origin to every box: {} seeds, uplinks of {} Mbit/s",
            lab.settings.seeds, ORDINARY.0
        );
        std::fs::write(file, plot::svg(&title, &points)).with_context(|| file.display().to_string())?;
        println!("  drawn in {}", file.display());
    }
    Ok(())
}

/// A mesh in which a third of the uplinks cannot carry the channel even once.
pub(crate) async fn measure_slow(lab: &mut Lab) -> Result<()> {
    let plan = Plan::with_slow_ones(30, lab.settings.seeds);
    let figures = run(lab, &plan).await?;
    let goals = Goals {
        p99_ms: Some(900.0),
        ..Goals::default()
    };
    report::print(&plan.title, &figures, goals, &mut lab.tally);
    Ok(())
}

fn goals(boxes: usize) -> Goals {
    match boxes {
        30 => Goals {
            p99_ms: Some(400.0),
            moved_over_ideal: Some(1.08),
        },
        60 => Goals {
            p99_ms: Some(600.0),
            ..Goals::default()
        },
        _ => Goals::default(),
    }
}

/// Runs such a mesh and measures it.
pub(crate) async fn run(lab: &mut Lab, plan: &Plan) -> Result<Figures> {
    let mut run = Run::launch(lab, plan).await?;
    tokio::time::sleep(SETTLE).await;
    let before = Look::at(&mut run, &lab.network)?;
    tokio::time::sleep(lab.span()).await;
    let after = Look::at(&mut run, &lab.network)?;
    tokio::time::sleep(GRACE).await;
    run.all_running()?;
    let (origin, boxes) = run.records();
    let deliveries = Deliveries::of(&origin, &boxes, before.at..after.at);
    let figures = Figures::between(&before, &after, boxes.len(), deliveries);
    run.end(&mut lab.network)?;
    Ok(figures)
}
