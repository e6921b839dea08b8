//! Boxes end without a word, others begin in their place, and people watch all the while.

use std::time::{Duration, Instant};

use ::tests::measure::goal::AtMost;
use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng, seq::index};

use crate::{
    Lab,
    measure::Machine,
    plan::Plan,
    run::Run,
    viewers::{Asked, Audience, BEFORE, Summary, What},
};

const KILLED: usize = 5;
const EVERY: Duration = Duration::from_secs(5);
const VIEWERS: usize = 20;
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(lab: &mut Lab) -> Result<()> {
    let count = usize::from(lab.settings.faulty);
    let plan = Plan::of(count, lab.settings.seeds);
    let mut random = StdRng::seed_from_u64(lab.settings.seed);
    let mut run = Run::launch(&mut lab.network, &plan, lab.clip.clone()).await?;
    tokio::time::sleep(SETTLE).await;
    let audience = Audience::of(&run, VIEWERS).await?;
    let before = Machine::now()?;
    let began = Instant::now();
    let mut killed = 0;
    while began.elapsed() < lab.watching() {
        let next = Instant::now() + EVERY;
        for victim in index::sample(&mut random, count, KILLED) {
            run.kill(victim)?;
            killed += 1;
        }
        run.replace_dead().await?;
        tokio::time::sleep_until(next.into()).await;
    }
    let idle = Machine::now()?.idle_since(before);
    let watched = audience.leave().await?;
    run.end(&mut lab.network)?;

    println!(
        "\n{count} boxes, {killed} killed and replaced, {VIEWERS} viewers for {} s (seed {})",
        began.elapsed().as_secs(),
        lab.settings.seed
    );
    let served = |asked: &Asked| asked.what == What::Served;
    println!(
        "  {:34} {} ({} from the origin), {} refused for their seals",
        "segments fetched",
        watched.count(served),
        watched.count(|asked| served(asked) && asked.is_of_origin()),
        watched.count(|asked| asked.what == What::Refused)
    );
    print!("{}", Summary(&watched.asked));
    println!("  {:34} {idle:7.1} %", "the machine's processors idle");
    lab.tally.judge(
        "rebuffering, of the time watched",
        AtMost {
            figure: watched.rebuffering_percent(),
            goal: 0.2,
            unit: "%",
        },
    );
    lab.tally.judge(
        "the longest interruption",
        AtMost {
            figure: watched.longest_stall().as_secs_f64(),
            goal: 2.0,
            unit: "s",
        },
    );
    if let Some((_, asked)) = &watched.worst {
        println!("    what that viewer asked for from {BEFORE:?} before it on:\n{asked}");
    }
    Ok(())
}
