//! The box beside nginx, which serves the same file: as many requests as 64 connections can make, in turns.

use std::{fs, time::Duration};

use ::tests::mesh::Mesh;
use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::LARGE;
use crate::{
    cpu,
    goal::{AtLeast, AtMost},
    nginx::Nginx,
};

const CONNECTIONS: &str = "64";
const GOAL: f64 = 0.9;

/// In how many turns of each a round is split: short ones, so that both meet the same weather.
const TURNS: u8 = 3;

pub(super) async fn measure(mesh: &mut Mesh, number: usize, span: Duration, rounds: u8) -> Result<()> {
    let folder = TempDir::with_prefix("boxmesh-bench-")?;
    let nginx = Nginx::serving(folder.path()).await?;
    let pid = mesh.boxes[number].process().pid();
    let span = span / (2 * u32::from(TURNS));
    let (mut ours, mut theirs) = (Run::default(), Run::default());
    let mut bytes = 0;
    for round in 1..=rounds {
        let path = super::newest(mesh, number, LARGE.0).await?;
        let url = mesh.boxes[number].url(&path);
        let segment = mesh.http.get(&url).send().await?.bytes().await?;
        bytes = segment.len();
        let file = folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().context("it has a folder")?)?;
        fs::write(&file, &segment)?;

        let (mut of_box, mut of_nginx) = (Run::default(), Run::default());
        for _ in 0..TURNS {
            of_box.add(&Run::of(&url, pid, span).await?);
            let url = format!("http://{}{path}", nginx.address);
            of_nginx.add(&Run::of(&url, nginx.pid(), span).await?);
        }
        println!("  round {round}: box {of_box}   nginx {of_nginx}");
        ours.add(&of_box);
        theirs.add(&of_nginx);
    }
    println!("  segments of {bytes} bytes, {CONNECTIONS} connections");
    let rate = AtLeast {
        figure: ours.rate() / theirs.rate().max(0.01),
        goal: GOAL,
        unit: "",
    };
    let cost = AtMost {
        figure: ours.micros() / theirs.micros().max(0.01),
        goal: 1.1,
        unit: "",
    };
    println!("  requests a second, box ÷ nginx {rate}");
    println!("  processor time, box ÷ nginx    {cost}");
    Ok(())
}

/// What a server did, and what it took for that.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    requests: f64,
    seconds: f64,
    time: Duration,
}

impl Run {
    async fn of(url: &str, pid: u32, span: Duration) -> Result<Self> {
        let before = cpu::time_of(pid)?;
        let seconds = format!("{}s", span.as_secs().max(1));
        let mut wrk = Command::new("wrk");
        wrk.args([
            "--threads",
            "2",
            "--connections",
            CONNECTIONS,
            "--duration",
            &seconds,
            url,
        ]);
        let told = wrk.output().await.context("wrk is missing")?;
        let time = cpu::time_of(pid)?.saturating_sub(before);
        ensure!(
            told.status.success(),
            "wrk: {}",
            String::from_utf8_lossy(&told.stderr)
        );
        let (requests, seconds) = read(&String::from_utf8_lossy(&told.stdout))?;
        Ok(Self {
            requests,
            seconds,
            time,
        })
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.seconds += other.seconds;
        self.time += other.time;
    }

    fn rate(&self) -> f64 {
        self.requests / self.seconds.max(0.01)
    }

    /// Processor time for each request.
    fn micros(&self) -> f64 {
        self.time.as_secs_f64() * 1e6 / self.requests.max(1.0)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:6.0}/s, {:4.0} µs each", self.rate(), self.micros())
    }
}

/// How many requests wrk made, and its rate as seconds. Requests that failed make it no measurement.
fn read(told: &str) -> Result<(f64, f64)> {
    let failed = told
        .lines()
        .find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    ensure!(failed.is_none(), "wrk: {}", failed.unwrap_or_default().trim());
    let requests = told
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "));
    let (requests, _) = requests.context("wrk tells no requests")?;
    let rate = told.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate: f64 = rate.context("wrk tells no rate")?.trim().parse()?;
    let requests: f64 = requests.parse()?;
    Ok((requests, requests / rate.max(0.01)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "Running 2s test @ http://127.0.0.1:1/x\n  2 threads and 64 connections\n  \
        5110 requests in 2.04s, 3.81GB read\nRequests/sec:   2500.00\nTransfer/sec:      1.87GB\n";

    #[test]
    fn wrk_is_understood_and_its_errors_are_no_measurement() {
        let (requests, seconds) = read(TOLD).unwrap();
        assert!((requests - 5110.0).abs() < 0.1 && (seconds - 2.044).abs() < 0.01);
        assert!(read(&format!("{TOLD}  Non-2xx or 3xx responses: 3\n")).is_err());
        assert!(read("unable to connect").is_err());
    }
}
