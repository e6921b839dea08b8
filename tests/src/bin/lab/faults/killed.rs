//! Boxes end without a word, others begin in their place, and people watch all the while.

use std::time::{Duration, Instant};

use ::tests::measure::goal::AtMost;
use anyhow::Result;
use rand::{SeedableRng, rngs::StdRng, seq::index};

use crate::{
    Lab,
    measure::Machine,
    network::Passed,
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
    let mut run = Run::launch(lab, &plan).await?;
    tokio::time::sleep(SETTLE).await;
    let audience = Audience::of(&run, VIEWERS).await?;
    let (before, passed_before) = (Machine::now()?, run.passed(&lab.network)?);
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
    let (span, passed) = (began.elapsed(), run.passed(&lab.network)?);
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
    let sent = |passed: &(Passed, Vec<Passed>)| {
        let boxes = passed.1.iter().map(|one| one.sent).sum::<u64>();
        (passed.0.sent, boxes / passed.1.len().max(1) as u64)
    };
    let ((origin_before, box_before), (origin, one_box)) = (sent(&passed_before), sent(&passed));
    println!(
        "  {:34} {:7.1} Mbit/s, a box {:.1} Mbit/s on average",
        "the origin sent",
        megabits(origin - origin_before, span),
        megabits(one_box - box_before, span)
    );
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

#[expect(clippy::cast_precision_loss, reason = "bytes of minutes are far below 2^52")]
fn megabits(bytes: u64, span: Duration) -> f64 {
    bytes as f64 * 8.0 / 1e6 / span.as_secs_f64()
}
