//! What it costs to take streams in: processor time of the origin and of nginx, for the same streams, in turns; and
//! the origin's memory.

use std::{path::Path, path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tests::{eventually::until, mesh::Mesh, plan::Plan, process::Process};

use crate::{cpu, goal::AtMost, metrics::Metrics, nginx::Nginx, stream};

const START_LIMIT: Duration = Duration::from_secs(30);
const KILOBITS: u32 = 3000;
const SEEDS: usize = 3;

const GOAL: f64 = 1.0;
const GOAL_WITH_SEEDS: f64 = 1.5;
const GOAL_MEGABYTES: f64 = 25.0;

pub(crate) async fn measure(publishers: u8, span: Duration, rounds: u8) -> Result<()> {
    println!(
        "Cost: {publishers} publishers of 3 Mbit/s (720p H.264, AAC) for {} s, {rounds} rounds in turns.",
        span.as_secs()
    );
    println!(
        "Processor seconds of the program and its children. The origin seals every chunk; nginx writes DASH."
    );
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let stream = folder.path().join("stream.flv");
    stream::encode(&stream, KILOBITS).await?;
    let bench = Bench {
        stream,
        publishers,
        span,
    };

    let (mut alone, mut nginx, mut feeding) = (Cost::default(), Cost::default(), Cost::default());
    for round in 1..=rounds {
        let ours = bench.origin(0).await?;
        let theirs = bench.nginx().await?;
        let with_seeds = bench.origin(SEEDS).await?;
        println!(
            "  round {round}: origin {:.2} s   nginx {:.2} s   origin with {SEEDS} seeds {:.2} s",
            ours.seconds(),
            theirs.seconds(),
            with_seeds.seconds()
        );
        alone.add(ours);
        nginx.add(theirs);
        feeding.add(with_seeds);
    }
    let ratio = |cost: &Cost, goal| AtMost {
        figure: cost.seconds() / nginx.seconds().max(0.01),
        goal,
        unit: "",
    };
    println!("  origin ÷ nginx                 {}", ratio(&alone, GOAL));
    println!(
        "  origin with {SEEDS} seeds ÷ nginx    {}",
        ratio(&feeding, GOAL_WITH_SEEDS)
    );
    for (which, cost) in [("origin", &alone), ("origin with seeds", &feeding)] {
        println!("  memory of the {which:17}{}", cost.memory);
    }
    println!();
    Ok(())
}

/// What a program took.
#[derive(Clone, Debug, Default)]
struct Cost {
    time: Duration,
    memory: Memory,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.time += other.time;
        self.memory = self.memory.clone().larger(other.memory);
    }

    fn seconds(&self) -> f64 {
        self.time.as_secs_f64()
    }
}

/// What an origin holds in memory: the window, which is there to be held, and everything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    resident: u64,
    window: u64,
}

impl Memory {
    pub(crate) async fn of(mesh: &Mesh) -> Result<Self> {
        let metrics = Metrics::of(&mesh.http, &mesh.origin().url("/metrics")).await?;
        Ok(Self {
            resident: mesh.origin().resident_bytes()?,
            window: metrics.get("boxmesh_origin_window_bytes")?,
        })
    }

    fn besides(&self) -> u64 {
        self.resident.saturating_sub(self.window)
    }

    fn larger(self, other: Self) -> Self {
        if other.besides() > self.besides() {
            other
        } else {
            self
        }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        #[expect(
            clippy::cast_precision_loss,
            reason = "megabytes, with two digits behind the point"
        )]
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let besides = AtMost {
            figure: megabytes(self.besides()),
            goal: GOAL_MEGABYTES,
            unit: "MB",
        };
        write!(
            out,
            "{besides}   ({:.1} MB resident, less {:.1} MB of window)",
            megabytes(self.resident),
            megabytes(self.window)
        )
    }
}

struct Bench {
    stream: PathBuf,
    publishers: u8,
    span: Duration,
}

impl Bench {
    async fn origin(&self, boxes: usize) -> Result<Cost> {
        let channels: Vec<_> = (0..self.publishers).map(|one| format!("bench-{one}")).collect();
        let mut mesh = Mesh::launch(plan(&channels, boxes)).await?;
        let urls = channels.iter().map(|channel| mesh.push_url(&key_of(channel)));
        let publishers = self.publish(urls, mesh.folder())?;
        until("all channels to be on air", START_LIMIT, async || {
            Ok(on_air(&mesh).await? == publishers.len())
        })
        .await?;
        let pid = mesh.origin.as_mut().map(|origin| origin.process().pid());
        let time = self.time(pid.unwrap_or_default(), publishers).await?;
        let memory = Memory::of(&mesh).await?;
        mesh.stop()?;
        Ok(Cost { time, memory })
    }

    async fn nginx(&self) -> Result<Cost> {
        let nginx = Nginx::start().await?;
        let folder = TempDir::new()?;
        let urls = (0..self.publishers).map(|one| format!("rtmp://{}/live/bench-{one}", nginx.address));
        let publishers = self.publish(urls, folder.path())?;
        until("all channels to be on air", START_LIMIT, async || {
            Ok(nginx.manifests()? == publishers.len())
        })
        .await?;
        let time = self.time(nginx.pid(), publishers).await?;
        Ok(Cost {
            time,
            memory: Memory::default(),
        })
    }

    /// Processor time that `pid` takes while the publishers push.
    async fn time(&self, pid: u32, mut publishers: Vec<Process>) -> Result<Duration> {
        let before = cpu::time_of(pid)?;
        tokio::time::sleep(self.span).await;
        let taken = cpu::time_of(pid)?.saturating_sub(before);
        for publisher in &mut publishers {
            ensure!(
                publisher.ended()?.is_none(),
                "a publisher ended: {}",
                publisher.tail()
            );
        }
        Ok(taken)
    }

    fn publish(&self, urls: impl Iterator<Item = String>, folder: &Path) -> Result<Vec<Process>> {
        urls.enumerate()
            .map(|(number, url)| {
                let mut command = Command::new("ffmpeg");
                command.args(["-hide_banner", "-loglevel", "warning", "-nostdin", "-re"]);
                command.args(["-stream_loop", "-1", "-i"]).arg(&self.stream);
                command.args(["-c", "copy", "-f", "flv", &url]);
                Process::start(&format!("publisher-{number}"), command, folder)
            })
            .collect()
    }
}

/// A mesh in which `channels` can be published, each with its own key. Nobody draws posters: nginx does not, either.
pub(crate) fn plan(channels: &[String], boxes: usize) -> Plan {
    let keys = channels.iter().flat_map(|channel| {
        [
            "--stream-key".to_owned(),
            format!("{channel}={}", key_of(channel)),
        ]
    });
    Plan {
        boxes,
        stream_key: None,
        origin_arguments: keys.chain(["--no-posters".to_owned()]).collect(),
        ..Plan::default()
    }
}

pub(crate) fn key_of(channel: &str) -> String {
    format!("{channel}-stream-key")
}

/// How many channels are on air, with a whole segment each.
pub(crate) async fn on_air(mesh: &Mesh) -> Result<usize> {
    let channels = mesh.channels().await?;
    let live = channels
        .iter()
        .filter(|channel| channel.live && channel.newest > 0);
    Ok(live.count())
}
