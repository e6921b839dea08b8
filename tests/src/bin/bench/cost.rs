//! What it costs to take streams in: processor time of the origin and of nginx, for the same streams, in turns.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tests::{eventually::until, mesh::Mesh, plan::Plan, process::Process};

use crate::{cpu, nginx::Nginx};

const START_LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn measure(publishers: u8, span: Duration, rounds: u8) -> Result<()> {
    println!(
        "Cost: {publishers} publishers of 3 Mbit/s (720p H.264, AAC) for {} s.",
        span.as_secs()
    );
    println!("Processor seconds of the program and its children, all else on the same machine not counted.");
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let stream = encode(folder.path()).await?;
    let bench = Bench {
        stream,
        publishers,
        span,
    };

    let (mut origin, mut nginx) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=rounds {
        let ours = bench.origin(0).await?;
        let theirs = bench.nginx().await?;
        println!(
            "  round {round}: origin {:.2} s   nginx {:.2} s",
            seconds(ours),
            seconds(theirs)
        );
        origin += ours;
        nginx += theirs;
    }
    println!(
        "  origin ÷ nginx = {:.2}   (origin seals and hashes every chunk; nginx writes files)",
        seconds(origin) / seconds(nginx).max(0.01)
    );
    let feeding = bench.origin(3).await?;
    println!(
        "  origin, feeding three boxes as well: {:.2} s\n",
        seconds(feeding)
    );
    Ok(())
}

struct Bench {
    stream: String,
    publishers: u8,
    span: Duration,
}

impl Bench {
    async fn origin(&self, boxes: usize) -> Result<Duration> {
        let channels: Vec<_> = (0..self.publishers).map(|one| format!("bench-{one}")).collect();
        let key = |channel: &str| format!("{channel}-stream-key");
        let keys = channels
            .iter()
            .flat_map(|channel| ["--stream-key".to_owned(), format!("{channel}={}", key(channel))]);
        let mut mesh = Mesh::launch(Plan {
            boxes,
            stream_key: None,
            origin_arguments: keys.collect(),
            ..Plan::default()
        })
        .await?;
        let urls = channels.iter().map(|channel| mesh.push_url(&key(channel)));
        let publishers = self.publish(urls, mesh.folder())?;
        until("all channels to be on air", START_LIMIT, async || {
            let channels = mesh.channels().await?;
            let live = channels
                .iter()
                .filter(|channel| channel.live && channel.newest > 0);
            Ok(live.count() == publishers.len())
        })
        .await?;
        let pid = mesh.origin.as_mut().map(|origin| origin.process().pid());
        let taken = self.time(pid.unwrap_or_default(), publishers).await?;
        mesh.stop()?;
        Ok(taken)
    }

    async fn nginx(&self) -> Result<Duration> {
        let nginx = Nginx::start().await?;
        let folder = TempDir::new()?;
        let urls = (0..self.publishers).map(|one| format!("rtmp://{}/live/bench-{one}", nginx.rtmp));
        let publishers = self.publish(urls, folder.path())?;
        until("all channels to be on air", START_LIMIT, async || {
            Ok(nginx.manifests()? == publishers.len())
        })
        .await?;
        self.time(nginx.pid(), publishers).await
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
                command.args([
                    "-stream_loop",
                    "-1",
                    "-i",
                    &self.stream,
                    "-c",
                    "copy",
                    "-f",
                    "flv",
                    &url,
                ]);
                Process::start(&format!("publisher-{number}"), command, folder)
            })
            .collect()
    }
}

/// Ten seconds at a constant 3 Mbit/s, a keyframe every two.
async fn encode(folder: &Path) -> Result<String> {
    println!("Encoding what will be published.");
    let file = folder.join("stream.flv").to_string_lossy().into_owned();
    let mut command = tokio::process::Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-t", "10"]);
    command.args([
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t",
    ]);
    command.args([
        "-t",
        "10",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000",
    ]);
    command.args([
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "60",
    ]);
    command.args([
        "-keyint_min",
        "60",
        "-sc_threshold",
        "0",
        "-b:v",
        "2900k",
        "-minrate",
        "2900k",
    ]);
    command.args([
        "-maxrate",
        "2900k",
        "-bufsize",
        "2900k",
        "-x264-params",
        "nal-hrd=cbr",
    ]);
    command.args(["-c:a", "aac", "-b:a", "100k", "-ac", "2", &file]);
    let status = command.status().await?;
    ensure!(status.success(), "ffmpeg ended with {status}");
    Ok(file)
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
