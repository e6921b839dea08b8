//! Every link loses some packets, in both directions, by lot; or all hosts are far apart.

use std::time::Duration;

use anyhow::Result;

use crate::{
    Lab, plain,
    plan::Plan,
    report::{self, Goals},
};

const BOXES: usize = 10;
const PERCENT: u32 = 3;
const ROUND_TRIP: Duration = Duration::from_millis(40);

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let mut plan = Plan::of(BOXES, lab.settings.seeds);
    plan.title = format!("{BOXES} boxes, {PERCENT} % of packets lost on every link");
    plan.loss_percent = PERCENT;
    let figures = plain::run(lab, &plan).await?;
    report::print(&plan.title, &figures, Goals::default(), &mut lab.tally);
    Ok(())
}

/// As far apart as homes of one country may be.
pub(crate) async fn measure_distance(lab: &mut Lab) -> Result<()> {
    let mut plan = Plan::of(BOXES, lab.settings.seeds);
    plan.title = format!("{BOXES} boxes, round trips of {} ms", ROUND_TRIP.as_millis());
    plan.round_trip = ROUND_TRIP;
    let figures = plain::run(lab, &plan).await?;
    report::print(&plan.title, &figures, Goals::default(), &mut lab.tally);
    Ok(())
}
