//! What a viewer has of it: how soon the first picture comes and how old it is, from boxes with our page, beside the same
//! publisher's stream from nginx with its RTMP module, played by dash.js. Both as they are set by themselves.

mod clock;

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tests::{eventually::until, mesh::Mesh, plan::Plan};
use tokio::{process::Command, time::timeout};

use self::clock::Clock;
use crate::{
    goal::{AtLeast, AtMost},
    nginx::Nginx,
    spread::Spread,
};

const BOXES: usize = 3;

/// How often a page is loaded anew.
const LOADS: u32 = 20;

const START_LIMIT: Duration = Duration::from_secs(40);

/// Seconds; for nginx and dash.js together there is no goal.
const GOAL_FIRST: [f64; 2] = [0.6, 1.0];
const GOAL_LATENCY: [f64; 2] = [2.0, 2.5];
const GOAL_SHARE_PERCENT: f64 = 95.0;
const GOAL_VERIFYING_PERCENT: f64 = 2.0;

pub(crate) async fn measure(span: Duration) -> Result<()> {
    println!(
        "Watching: one publisher (360p H.264, AAC), {BOXES} boxes; {LOADS} loads of the page, then {} s of it.",
        span.as_secs()
    );
    println!(
        "The clock is drawn into the pictures before they are encoded, and read from what the browser shows."
    );
    let mut mesh = Mesh::launch(Plan {
        boxes: BOXES,
        ..Plan::default()
    })
    .await?;
    let (nginx, rtmp) = Nginx::broadcasting().await?;
    let urls = [
        mesh.push_url(&mesh.stream_key()),
        format!("rtmp://{rtmp}/live/clock"),
    ];
    let _clock = Clock::publish(&urls, mesh.folder()).await?;
    mesh.on_air(4, BOXES).await?;
    until("nginx to have a manifest", START_LIMIT, async || {
        Ok(nginx.manifests()? > 0)
    })
    .await?;

    let ours = Seen::by("page", &mesh.watch_url(), span).await?;
    let manifest = format!("http://{}/clock.mpd", nginx.address);
    let theirs = Seen::by("dashjs", &manifest, span).await?;

    println!(
        "                                 {:>22}   {:>22}",
        "Boxmesh", "nginx-rtmp, dash.js"
    );
    let row = |what: &str, one: &Spread, other: &Spread| {
        let both = |spread: &Spread| format!("{:.2} / {:.2} s", seconds(spread, 50), seconds(spread, 95));
        println!("  {what:31}{:>22}   {:>22}", both(one), both(other));
    };
    let (first, latency) = (spread(&ours.first), spread(&ours.ages));
    row("first picture, p50 / p95", &first, &spread(&theirs.first));
    row("behind the camera, p50 / p95", &latency, &spread(&theirs.ages));
    for (what, spread, goals) in [
        ("first picture", &first, GOAL_FIRST),
        ("behind the camera", &latency, GOAL_LATENCY),
    ] {
        for (percent, goal) in [50, 95].into_iter().zip(goals) {
            let figure = seconds(spread, percent);
            println!(
                "  {what:18} p{percent:10}{}",
                AtMost {
                    figure,
                    goal,
                    unit: "s"
                }
            );
        }
    }
    ours.judge()?;
    ensure!(
        ours.unread * 20 <= ours.ages.len() && theirs.unread * 20 <= theirs.ages.len(),
        "the clock could not be read in {} and {} pictures",
        ours.unread,
        theirs.unread
    );
    println!();
    mesh.stop()?;
    Ok(())
}

/// What came of playing.
#[derive(Debug, Deserialize)]
struct Seen {
    /// Milliseconds from navigation to the first picture, of each load.
    first: Vec<f64>,
    /// Milliseconds from the clock in a picture to when it was shown.
    ages: Vec<f64>,
    /// Pictures whose clock could not be read.
    unread: usize,
    /// Of our page: what it says of itself.
    page: Option<PageSeen>,
    /// Of our page: the share of the main thread's time that went into opening seals, in percent.
    verifying: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct PageSeen {
    bytes: BTreeMap<String, f64>,
    stalls: Vec<serde_json::Value>,
}

impl Seen {
    /// Has a browser play it.
    async fn by(player: &str, url: &str, span: Duration) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/measure.mjs");
        let mut command = Command::new("node");
        command.arg(script).args([player, url]);
        command.args([LOADS.to_string(), span.as_secs().to_string()]);
        command.kill_on_drop(true).stdin(Stdio::null());
        let limit = 2 * span + Duration::from_secs(10) * LOADS;
        let output = timeout(limit, command.output()).await;
        let output = output.with_context(|| format!("{player} does not end"))?;
        let output = output.context("failed to start node")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{player}: {}: {errors}", output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("{player} said: {errors}"))
    }

    /// Says what there is to be said of our page alone.
    fn judge(&self) -> Result<()> {
        let page = self.page.as_ref().context("our page tells of itself")?;
        let all: f64 = page.bytes.values().sum();
        let boxes = page.bytes.iter().filter(|(name, _)| name.starts_with("box-"));
        let from_boxes: f64 = boxes.map(|(_, bytes)| bytes).sum();
        let share = AtLeast {
            figure: 100.0 * from_boxes / all.max(1.0),
            goal: GOAL_SHARE_PERCENT,
            unit: "%",
        };
        let verifying = AtMost {
            figure: self.verifying.context("our page was profiled")?,
            goal: GOAL_VERIFYING_PERCENT,
            unit: "%",
        };
        let stalls = AtMost {
            figure: f64::from(u32::try_from(page.stalls.len())?),
            goal: 0.0,
            unit: "",
        };
        println!("  bytes from boxes               {share}");
        println!("  main thread opening seals      {verifying}");
        println!("  stalls                         {stalls}");
        Ok(())
    }
}

fn spread(millis: &[f64]) -> Spread {
    let times = millis
        .iter()
        .map(|one| Duration::from_secs_f64(one.max(0.0) / 1000.0));
    Spread::of(times.collect())
}

fn seconds(spread: &Spread, percent: usize) -> f64 {
    spread.millis(percent) / 1000.0
}
