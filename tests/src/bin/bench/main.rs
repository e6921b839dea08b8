//! `make bench`: what the origin costs beside nginx, and how long a chunk travels. Printed, and asserted by nobody.

mod cost;
mod cpu;
mod journey;
mod nginx;
mod spread;

use std::time::Duration;

use anyhow::Result;
use clap::Parser;

/// Measures the origin's cost and the chunks' journey on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Settings {
    /// Seconds that each measurement lasts.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// How many publishers push at once when cost is measured.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32))]
    publishers: u8,
    /// How often origin and nginx are measured, in turns.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Only one of the two: `cost` or `journey`.
    #[arg(long, value_parser = ["cost", "journey"])]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let span = Duration::from_secs(settings.seconds);
    let only = settings.only.as_deref();
    if only != Some("journey") {
        cost::measure(settings.publishers, span, settings.rounds).await?;
    }
    if only != Some("cost") {
        journey::measure(span).await?;
    }
    Ok(())
}
