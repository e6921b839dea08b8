//! As many requests as `wrk` can make of a server, and what they cost it.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::cpu;
use crate::goal::{AtLeast, AtMost};

pub(crate) const CONNECTIONS: &str = "64";

/// Asks for what the lines of a file say, in turns: each is the path of one request.
const SCRIPT: &str = r#"
local requests, next = {}, 0
function init(arguments)
  for path in io.lines(arguments[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
"#;

/// What a server did, and what it took for that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    pub(crate) time: Duration,
}

impl Run {
    pub(crate) async fn of(url: &str, pid: u32, span: Duration) -> Result<Self> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "2"]);
        Self::by(wrk, &[url], pid, span).await
    }

    /// Asks a server for all these paths in turns. One thread: it has one processor, and the server the other.
    pub(crate) async fn of_all(url: &str, paths: &Path, pid: u32, span: Duration) -> Result<Self> {
        let script = paths.with_extension("lua");
        std::fs::write(&script, SCRIPT)?;
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--script"]).arg(script);
        let paths = paths.to_str().context("a path of ours is text")?;
        Self::by(wrk, &[url, paths], pid, span).await
    }

    async fn by(mut wrk: Command, what: &[&str], pid: u32, span: Duration) -> Result<Self> {
        let seconds = format!("{}s", span.as_secs().max(1));
        wrk.args(["--connections", CONNECTIONS, "--duration", &seconds]);
        let before = cpu::time_of(pid)?;
        wrk.args(what);
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

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.seconds += other.seconds;
        self.time += other.time;
    }

    /// Prints what `what` did beside what nginx did: at least so many times as often, at most so many times its time.
    pub(crate) fn judge(&self, what: &str, nginx: &Self, rate: f64, cost: f64) {
        let rate = AtLeast {
            figure: self.rate() / nginx.rate().max(0.01),
            goal: rate,
            unit: "",
        };
        let cost = AtMost {
            figure: self.micros() / nginx.micros().max(0.01),
            goal: cost,
            unit: "",
        };
        println!("  requests a second, {what} ÷ nginx {rate}");
        println!("  processor time, {what} ÷ nginx    {cost}");
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
