//! Players of others in a real Chromium, as they come from their makers.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::{process::Command, time::timeout};

/// Beyond the time that a player plays: to start a browser, to find out what is played, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came of playing.
#[derive(Clone, Debug, Deserialize)]
pub struct Played {
    /// Seconds of media that were shown.
    pub played: f64,
    /// Pictures that were decoded.
    pub pictures: u64,
    /// Seconds for which it stood still after the first picture.
    pub still: f64,
    /// Seconds behind live at the end, where the player tells.
    pub latency: Option<f64>,
    /// What the player complained of.
    pub complaints: Vec<String>,
}

/// Plays `url` for so long with `dashjs`, `shaka` or `hlsjs`, or with one of these and `-low` behind it in the player's
/// mode for low latency.
///
/// # Errors
/// When Node, its packages or Chromium are missing, or the player never ends.
pub async fn play(player: &str, url: &str, span: Duration) -> Result<Played> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("players/play.mjs");
    let mut command = Command::new("node");
    command
        .arg(script)
        .args([player, url, &span.as_secs().to_string()]);
    command.kill_on_drop(true).stdin(Stdio::null());
    let ended = timeout(span + PATIENCE, command.output()).await;
    let output = ended.with_context(|| format!("{player} does not end"))?;
    let output = output.context("failed to start node")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{player} ended with {}: {errors}; `make test` installs what it needs",
        output.status
    );
    serde_json::from_slice(&output.stdout).with_context(|| format!("{player} said: {errors}"))
}
