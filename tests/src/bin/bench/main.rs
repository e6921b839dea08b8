//! `make bench` and those named after a part of it: what the origin costs, what it bears, how long a chunk travels, what a box
//! serves, what a tracker answers, and what a viewer has of it. Printed with the goal beside each figure, and asserted by nobody: a machine that does other things besides misses them all.

mod cost;
mod crowd;
mod delay;
mod journey;
mod nginx;
mod serving;
mod tracking;
mod watcher;
mod watching;
mod wrk;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tests::measure::{cpu, goal, metrics, spread, stream};

/// How many processors all that is measured may use together, as whoever measures does.
const PROCESSORS: usize = 2;

/// Measures the origin, the chunks' journey, a box and a tracker on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Settings {
    /// What to measure; everything, if not said.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Seconds that each measurement lasts.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// How many publishers push at once when cost and delay are measured.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32))]
    publishers: u8,
    /// How many publishers a crowd is.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=200))]
    crowd: u8,
    /// How many boxes announce.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(10..=15_000))]
    announcing: u16,
    /// How often origin and nginx are measured, in turns.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processor time of the origin beside nginx, and its memory.
    Cost,
    /// Many publishers at once.
    Crowd,
    /// From the publisher to a viewer at the origin.
    Delay,
    /// From the publisher to viewers at boxes.
    Journey,
    /// What a box serves, beside nginx and to many, and what it costs.
    Box,
    /// What a tracker answers while ten thousand boxes announce, beside nginx.
    Tracker,
    /// How soon a viewer sees the first picture and how old it is, beside nginx and dash.js.
    Player,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    // Before there are threads: they inherit it, and so does every program that is started.
    let processors = cpu::keep_to(PROCESSORS)?;
    println!("Everything runs on {processors} processors: programs, publishers and viewers alike.\n");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors)
        .enable_all()
        .build()?;
    runtime.block_on(measure(&settings))
}

async fn measure(settings: &Settings) -> Result<()> {
    let span = Duration::from_secs(settings.seconds);
    let parts = if settings.parts.is_empty() {
        Part::value_variants()
    } else {
        &settings.parts
    };
    for part in parts {
        match part {
            Part::Cost => cost::measure(settings.publishers, span, settings.rounds).await?,
            Part::Crowd => crowd::measure(settings.crowd, span).await?,
            Part::Delay => delay::measure(settings.publishers, span).await?,
            Part::Journey => journey::measure(span).await?,
            Part::Box => serving::measure(span, settings.rounds).await?,
            Part::Player => watching::measure(span).await?,
            Part::Tracker => tracking::measure(settings.announcing, span, settings.rounds).await?,
        }
    }
    Ok(())
}
