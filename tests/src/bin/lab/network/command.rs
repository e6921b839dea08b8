//! `ip` and `tc`: run, and believed only when they say that all went well.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// An interface as `ip -json -stats link` tells it.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(rename = "ifname")]
    pub(super) name: String,
    #[serde(rename = "stats64")]
    pub(super) stats: Stats,
}

#[derive(Deserialize)]
pub(super) struct Stats {
    pub(super) rx: Direction,
    pub(super) tx: Direction,
}

#[derive(Deserialize)]
pub(super) struct Direction {
    pub(super) bytes: u64,
}

pub(super) fn ip(arguments: &[&str]) -> Result<String> {
    run("ip", arguments, "")
}

/// As [`ip`], in a namespace.
pub(super) fn ip_in(namespace: &str, arguments: &[&str]) -> Result<String> {
    run("ip", &[&["-netns", namespace][..], arguments].concat(), "")
}

/// Several commands at once.
pub(super) fn ip_batch(namespace: &str, lines: &[String]) -> Result<()> {
    run("ip", &["-netns", namespace, "-batch", "-"], &lines.join("\n"))?;
    Ok(())
}

pub(super) fn tc_in(namespace: &str, arguments: &[&str]) -> Result<String> {
    run("tc", &[&["-netns", namespace][..], arguments].concat(), "")
}

/// A classic BPF program, as `tc` takes it, that chooses so many packets of a hundred by lot: load the kernel's random
/// number (`SKF_AD_RANDOM`), compare, and answer 1 when it is above.
pub(super) fn one_of_a_hundred_times(percent: u32) -> String {
    const RANDOM: u32 = 0xFFFF_F038;
    let bound = u32::MAX - u32::MAX / 100 * percent.min(100);
    format!("4,32 0 0 {RANDOM},37 0 1 {bound},6 0 0 1,6 0 0 0")
}

fn run(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let said = || format!("{program} {} {input}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(said)?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    // One that wants no input may have ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().with_context(said)?;
    if !output.status.success() {
        bail!("{}: {}", said(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
