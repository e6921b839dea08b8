//! Every link loses some packets, in both directions, by lot.

use anyhow::Result;

use crate::{
    Lab, plain,
    plan::Plan,
    report::{self, Goals},
};

const BOXES: usize = 10;
const PERCENT: u32 = 3;

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let mut plan = Plan::of(BOXES, lab.settings.seeds);
    plan.title = format!("{BOXES} boxes, {PERCENT} % of packets lost on every link");
    plan.loss_percent = PERCENT;
    let figures = plain::run(lab, &plan).await?;
    report::print(&plan.title, &figures, Goals::default(), &mut lab.tally);
    Ok(())
}
