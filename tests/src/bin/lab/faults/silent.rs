//! Most neighbours are silent: they take what there is and promise it, and who wants it of them is not answered.

use std::time::Duration;

use ::tests::measure::{goal::AtLeast, spread::Spread};
use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng, seq::index};

use crate::{
    Lab,
    measure::{Deliveries, now},
    network::Mbit,
    plan::{BoxPlan, Plan},
    run::Run,
};

const PERCENT: usize = 80;
/// Half of what others may send, so that origins choose those.
const SMALLER: Mbit = Mbit(5);

const SETTLE: Duration = Duration::from_secs(12);
const GRACE: Duration = Duration::from_secs(8);

/// Viewers are some segments behind the edge: what comes within this is there when they need it.
const IN_TIME: Duration = Duration::from_secs(4);

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let count = usize::from(lab.settings.faulty);
    let mut plan = Plan::of(count, lab.settings.seeds);
    let mut random = StdRng::seed_from_u64(lab.settings.seed);
    let silent = index::sample(&mut random, count, count * PERCENT / 100).into_vec();
    for &number in &silent {
        // Never a seed: what such a one keeps to itself nobody else has. What it may send it does not.
        plan.boxes[number] = BoxPlan {
            uplink: SMALLER,
            fault: Some("silent"),
        };
    }
    let mut run = Run::launch(lab, &plan).await?;
    tokio::time::sleep(SETTLE).await;
    let from = now();
    tokio::time::sleep(lab.span()).await;
    let to = now();
    tokio::time::sleep(GRACE).await;
    let (origin, boxes) = run.records();
    run.end(&mut lab.network)?;

    let speaking = (0..).zip(boxes).filter(|(number, _)| !silent.contains(number));
    let speaking: Vec<_> = speaking.map(|(_, kept)| kept).collect();
    let deliveries = Deliveries::of(&origin, &speaking, from..to);
    let missing = deliveries.missing();
    let expected = deliveries.expected;
    let delays = Spread::of(deliveries.delays);
    println!(
        "\n{count} boxes, {} of them silent (seed {}), {} s",
        silent.len(),
        lab.settings.seed,
        lab.span().as_secs()
    );
    println!("  {:34} {delays}", "delay from origin to the others");
    println!("  {:34} {missing} of {expected}", "never came");
    lab.tally.judge_least(
        "came in time, of all chunks",
        AtLeast {
            figure: delays.percent_within(IN_TIME) * share(expected - missing, expected),
            goal: 99.0,
            unit: "%",
        },
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "chunks of minutes")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
