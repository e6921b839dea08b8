//! `make demo`: a whole mesh on this machine with a stream in it, to be watched in a browser.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::ExitCode,
    time::{Duration, Instant},
};

use ::tests::{
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    publisher::{Clip, Encoder, Picture, Replay},
    status::{BoxStatus, ChannelStatus},
};
use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

const PAGE_PORT: u16 = 8080;
const RTMP_PORT: u16 = 1935;
const STATUS_PERIOD: Duration = Duration::from_secs(2);

/// Starts a tracker, an origin, boxes and a publisher, and shows how they do until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Settings {
    /// How many boxes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    boxes: u8,
    /// Whether to publish test pictures, or to wait for your encoder.
    #[arg(long, value_enum, default_value_t = Publish::Yes)]
    publish: Publish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Publish {
    Yes,
    No,
}

/// Who publishes.
enum Publisher {
    Ffmpeg(Encoder),
    BuiltIn(Replay),
    You,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let settings = Settings::parse();
    let mut mesh = Mesh::prepare(Plan {
        boxes: settings.boxes.into(),
        tracker_http: free_or_any("The page", PAGE_PORT),
        rtmp: free_or_any("RTMP", RTMP_PORT),
        ..Plan::default()
    })?;

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let verdict = tokio::select! {
        verdict = run(&mut mesh, &settings) => verdict,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };

    let start = Instant::now();
    println!("\nStopping.");
    let stopped = mesh.stop();
    // The temporary folder goes with the mesh.
    drop(mesh);
    verdict?;
    stopped?;
    println!(
        "All stopped after {:.1} s; nothing is left.",
        start.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// Brings everything up and reports until something breaks.
async fn run(mesh: &mut Mesh, settings: &Settings) -> Result<()> {
    println!("Starting the tracker and the origin.");
    mesh.start_trackers().await?;
    mesh.start_origin().await?;
    for number in 1..=settings.boxes {
        println!("Starting box {number} of {}.", settings.boxes);
        mesh.add_box(&[]).await?;
    }
    mesh.listed(settings.boxes.into()).await?;

    let publisher = publish(mesh, settings.publish).await?;
    introduce(mesh, &publisher);
    report(mesh, publisher).await
}

async fn publish(mesh: &Mesh, publish: Publish) -> Result<Publisher> {
    if publish == Publish::No {
        return Ok(Publisher::You);
    }
    if Encoder::is_installed() {
        let url = mesh.push_url(&mesh.stream_key());
        let picture = Picture {
            size: (1280, 720),
            bits_per_second: 2_500_000,
            ..Picture::default()
        };
        let encoder = Encoder::start(&url, &picture, mesh.folder())?;
        return Ok(Publisher::Ffmpeg(encoder));
    }
    let address = mesh.origin().address("rtmp");
    let replay = Replay::start(address, &mesh.stream_key(), Clip::built_in()).await?;
    Ok(Publisher::BuiltIn(replay))
}

fn introduce(mesh: &Mesh, publisher: &Publisher) {
    let who = match publisher {
        Publisher::Ffmpeg(_) => "ffmpeg's test pictures (your own encoder: make demo PUBLISH=no)",
        Publisher::BuiltIn(_) => "a small clip in a loop (your own encoder: make demo PUBLISH=no)",
        Publisher::You => "your encoder, with the server and the stream key below",
    };
    println!();
    println!("  watch       {}", mesh.watch_url());
    println!("  on air      {who}");
    println!("  server      rtmp://{}/live", mesh.origin().address("rtmp"));
    println!("  stream key  {}", mesh.stream_key());
    println!("  logs        {}, until the end", mesh.folder().display());
    println!("\nCtrl-C ends it.\n");
}

/// One line every two seconds, until a program or the publisher ends by itself.
async fn report(mesh: &mut Mesh, mut publisher: Publisher) -> Result<()> {
    let mut ticks = tokio::time::interval(STATUS_PERIOD);
    loop {
        ticks.tick().await;
        mesh.all_running()?;
        if let Some(last_words) = last_words(&mut publisher).await? {
            bail!("the publisher ended: {last_words}");
        }
        let boxes = mesh
            .listed_boxes(0)
            .await
            .context("the tracker does not answer")?;
        println!("{}", status_line(mesh.channel().await?.as_ref(), &boxes));
    }
}

/// What a publisher that has ended said last.
async fn last_words(publisher: &mut Publisher) -> Result<Option<String>> {
    match publisher {
        Publisher::Ffmpeg(encoder) => {
            let ended = encoder.process().ended()?.is_some();
            Ok(ended.then(|| encoder.process().tail()))
        }
        Publisher::BuiltIn(replay) if !replay.is_running() => {
            let Publisher::BuiltIn(replay) = std::mem::replace(publisher, Publisher::You) else {
                return Ok(None);
            };
            Ok(Some(format!("{:?}", replay.ended().await)))
        }
        Publisher::BuiltIn(_) | Publisher::You => Ok(None),
    }
}

fn status_line(channel: Option<&ChannelStatus>, boxes: &[BoxStatus]) -> String {
    let state = match channel {
        Some(channel) if channel.live => format!("{CHANNEL} on air, segment {}", channel.newest),
        Some(_) | None => format!("{CHANNEL} off air"),
    };
    let from_boxes: u64 = boxes.iter().map(|one| one.viewer_bytes).sum();
    let origin = channel.and_then(|channel| channel.origin.as_ref());
    let from_origin = origin.map_or(0, |origin| origin.viewer_bytes);
    let alive = boxes.len();
    let total = from_boxes + from_origin;
    if total == 0 {
        return format!("{state} | {alive} boxes alive | nobody watches yet");
    }
    format!(
        "{state} | {alive} boxes alive | from boxes {} | from the origin {}",
        share(from_boxes, total),
        share(from_origin, total)
    )
}

/// `97.3 % (4.1 MB)`, in whole steps of a tenth.
fn share(bytes: u64, total: u64) -> String {
    let tenths = u128::from(bytes) * 1000 / u128::from(total.max(1));
    let hundred_kilobytes = bytes / 100_000;
    format!(
        "{}.{} % ({}.{} MB)",
        tenths / 10,
        tenths % 10,
        hundred_kilobytes / 10,
        hundred_kilobytes % 10
    )
}

/// The usual port, or any free one with a word about it.
fn free_or_any(what: &str, port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(error) => {
            println!("{what} moves to a free port: {port} cannot be had ({error}).");
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tests::status::OriginStatus;

    #[test]
    fn shares_add_up_and_nobody_watching_is_said() {
        let one = BoxStatus {
            channels: Vec::new(),
            id: "box-1".into(),
            http: "http://127.0.0.1:1".into(),
            listed: true,
            viewer_bytes: 9_000_000,
        };
        let mut channel = ChannelStatus {
            name: CHANNEL.into(),
            live: true,
            epoch: 9,
            keys: Vec::new(),
            newest: 7,
            state: "live".into(),
            warnings: Vec::new(),
            poster: None,
            origin: Some(OriginStatus {
                viewer_bytes: 1_000_000,
            }),
        };
        assert_eq!(
            status_line(Some(&channel), &[one]),
            "demo on air, segment 7 | 1 boxes alive | from boxes 90.0 % (9.0 MB) | from the origin 10.0 % (1.0 MB)"
        );
        channel.origin = None;
        assert!(status_line(Some(&channel), &[]).ends_with("nobody watches yet"));
        assert!(status_line(None, &[]).starts_with("demo off air"));
    }
}
