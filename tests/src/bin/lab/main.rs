//! `make lab`: the mesh as it is at home. Real processes, each in a network namespace of its own with a shaped uplink,
//! and a channel of 4 Mbit/s; what they did is printed beside the goals.
//!
//! Absolute delays are this machine's: how much of it was idle stands beside them. What is counted is the
//! same everywhere: chunks, bytes, and how often something failed.

mod buffer;
mod faults;
mod fetcher;
mod measure;
mod network;
mod plain;
mod plan;
mod plot;
mod record;
mod report;
mod run;
mod viewers;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use tempfile::TempDir;
use tests::{measure::stream, publisher::Clip};
use tokio::signal::unix::{SignalKind, signal};

use network::Network;
use report::Tally;

/// Measures a mesh of boxes with shaped uplinks, healthy and with faults.
#[derive(Clone, Debug, Parser)]
#[command(name = "lab")]
pub(crate) struct Settings {
    /// What to measure; everything, if not said.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Numbers of boxes for the plain measurement.
    #[arg(long, value_delimiter = ',', default_value = "10,30,60", value_parser = clap::value_parser!(u16).range(1..=200))]
    boxes: Vec<u16>,
    /// How many boxes the origin pushes to.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    seeds: u8,
    /// Seconds that each plain measurement lasts.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// Seconds that viewers watch while boxes are killed.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(10..=3600))]
    watching: u64,
    /// How many boxes there are in the measurements with faults.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(8..=200))]
    faulty: u16,
    /// How many chunks are fetched from the neighbours of polluters.
    #[arg(long, default_value_t = 100_000)]
    fetches: u64,
    /// What faults are drawn from: the same seed, the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to draw delay against the number of boxes.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Where to leave what each run's programs wrote: logs and data folders.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Healthy boxes with ordinary uplinks.
    Plain,
    /// A third of the uplinks slow.
    Slow,
    /// Boxes killed and replaced while viewers watch.
    Killed,
    /// A third of the boxes alter what they hand on.
    Polluters,
    /// Most neighbours promise chunks and hand none on.
    Silent,
    /// Half of the boxes cut off for a while.
    Split,
    /// Packets lost on every link.
    Loss,
    /// Boxes that are far apart.
    Distance,
}

/// What every part works with.
pub(crate) struct Lab {
    settings: Settings,
    network: Network,
    clip: Clip,
    tally: Tally,
}

fn main() -> Result<ExitCode> {
    let settings = Settings::parse();
    if !rustix::process::geteuid().is_root() {
        println!("lab: skipped, since network namespaces can only be made by root");
        return Ok(ExitCode::SUCCESS);
    }
    network::sweep();
    // Before there are threads: they are to be where this one is.
    let network = Network::enter()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            all_met = measure(settings, network) => Ok(if all_met? { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
            // Dropped with what it started.
            _ = tokio::signal::ctrl_c() => bail!("stopped by Ctrl-C"),
            _ = terminate.recv() => bail!("stopped by SIGTERM"),
        }
    })
}

async fn measure(settings: Settings, network: Network) -> Result<bool> {
    let folder = TempDir::with_prefix("boxmesh-lab-")?;
    let clip = stream::clip(folder.path(), plan::CHANNEL_KILOBITS).await?;
    let parts = if settings.parts.is_empty() {
        Part::value_variants().to_vec()
    } else {
        settings.parts.clone()
    };
    let mut lab = Lab {
        settings,
        network,
        clip,
        tally: Tally::default(),
    };
    for part in parts {
        match part {
            Part::Plain => plain::measure(&mut lab).await?,
            Part::Slow => plain::measure_slow(&mut lab).await?,
            Part::Killed => faults::killed::measure(&mut lab).await?,
            Part::Polluters => faults::polluters::measure(&mut lab).await?,
            Part::Silent => faults::silent::measure(&mut lab).await?,
            Part::Split => faults::split::measure(&mut lab).await?,
            Part::Loss => faults::loss::measure(&mut lab).await?,
            Part::Distance => faults::loss::measure_distance(&mut lab).await?,
        }
    }
    Ok(lab.tally.conclude())
}

impl Settings {
    /// A new folder for what a run's programs write.
    fn folder(&self) -> Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("boxmesh-lab-");
        let Some(keep) = &self.keep else {
            return Ok(builder.tempdir()?);
        };
        std::fs::create_dir_all(keep).with_context(|| keep.display().to_string())?;
        let folder = builder.disable_cleanup(true).tempdir_in(keep)?;
        println!("Logs are in {}.", folder.path().display());
        Ok(folder)
    }
}

impl Lab {
    fn watching(&self) -> Duration {
        Duration::from_secs(self.settings.watching)
    }

    fn span(&self) -> Duration {
        Duration::from_secs(self.settings.seconds)
    }
}
