//! A third of the boxes alter what they hand on. What honest boxes then hold is fetched from them, and every seal opened.
//!
//! The same again with boxes that verify nothing is the negative control: had it no bad bytes to show, the first
//! run would have shown nothing either.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ::tests::{measure::goal::AtLeast, measure::goal::AtMost, plan::CHANNEL};
use anyhow::{Context, Result, ensure};
use rand::{SeedableRng, rngs::StdRng, seq::index};

use crate::{Lab, fetcher::Fetcher, plan::Plan, run::Run};

const PERCENT: usize = 30;
const DELISTED_WITHIN: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(10);

/// Bad bytes show at once where nothing is verified.
const CONTROL_FETCHES: u64 = 2000;

/// Who fetches at a time.
const FETCHERS: usize = 24;

/// How often it is looked who is listed.
const LOOK: Duration = Duration::from_millis(500);

/// Fetches so far, and those whose seals did not open.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) fetched: AtomicU64,
    pub(crate) bad: AtomicU64,
}

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let fetches = lab.settings.fetches;
    println!("\nPolluters");
    let (bad, delisted) = pollute(lab, None, fetches).await?;
    #[expect(clippy::cast_precision_loss, reason = "fetches of minutes")]
    let figure = bad as f64;
    lab.tally.judge(
        &format!("bad, of {fetches} fetches"),
        AtMost {
            figure,
            goal: 0.0,
            unit: "",
        },
    );
    lab.tally.judge_least(
        "polluters left out within 30 s",
        AtLeast {
            figure: delisted,
            goal: 95.0,
            unit: "%",
        },
    );
    let (bad, _) = pollute(lab, Some("unverified"), fetches.min(CONTROL_FETCHES)).await?;
    println!(
        "  {:34} {bad:7}    where boxes verify nothing",
        "bad, of some fetches"
    );
    ensure!(
        bad > 0,
        "polluters did no harm to boxes that verify nothing: the lab shows nothing"
    );
    Ok(())
}

/// How many fetches were bad, and how many polluters in a hundred were not listed any more.
async fn pollute(lab: &mut Lab, others: Option<&'static str>, fetches: u64) -> Result<(u64, f64)> {
    let count = usize::from(lab.settings.faulty);
    let mut random = StdRng::seed_from_u64(lab.settings.seed);
    let mut plan = Plan::of(count, lab.settings.seeds);
    let polluters = index::sample(&mut random, count, count * PERCENT / 100).into_vec();
    for (number, one) in plan.boxes.iter_mut().enumerate() {
        one.fault = if polluters.contains(&number) {
            Some("pollutes")
        } else {
            others
        };
    }
    let run = Run::launch(lab, &plan).await?;
    let began = Instant::now();
    let channel = run.channel().await?.context("the channel is on air")?;
    let honest = (0..)
        .zip(&run.boxes)
        .filter(|(number, _)| !polluters.contains(number));
    let bases: Vec<String> = honest
        .map(|(_, member)| {
            format!(
                "http://{}:8090/live/{CHANNEL}/{}",
                member.host.address, channel.epoch
            )
        })
        .collect();
    let tally = Arc::new(Tally::default());
    let crowd = Fetcher::crowd(FETCHERS, lab.settings.seed, &bases, &channel, &tally)?;
    let ids = polluters
        .iter()
        .filter_map(|&number| run.boxes[number].node.greeting().id.clone());
    let mut listed: BTreeSet<String> = ids.collect();
    let count_of_polluters = listed.len();
    // They come back after a while, to be found out again.
    while began.elapsed() < DELISTED_WITHIN {
        let now: BTreeSet<String> = run.listed().await?.into_iter().map(|one| one.id).collect();
        listed.retain(|id| now.contains(id));
        tokio::time::sleep(LOOK).await;
    }
    let delisted = count_of_polluters - listed.len();
    while tally.fetched.load(Ordering::Relaxed) < fetches && began.elapsed() < LONGEST {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(crowd);
    run.end(&mut lab.network)?;
    println!(
        "  {count} boxes, {} of them polluters (seed {}): {} fetches",
        polluters.len(),
        lab.settings.seed,
        tally.fetched.load(Ordering::Relaxed)
    );
    #[expect(clippy::cast_precision_loss, reason = "boxes of a run")]
    let delisted = 100.0 * delisted as f64 / count_of_polluters.max(1) as f64;
    Ok((tally.bad.load(Ordering::Relaxed), delisted))
}
