//! `make demo` brings up a stream that can be watched, and Ctrl-C takes all of it away again.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tests::{
    eventually::eventually,
    process::{Process, STOP_LIMIT, children},
    turn::Turn,
    viewer::Viewer,
};
use tokio::sync::Mutex;

/// Two boxes and the publisher, the tracker and the origin.
const PROGRAMS: usize = 5;

/// Two demos would both want the usual ports, if they looked for them at the same moment.
static ONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_can_be_watched_and_ctrl_c_leaves_nothing() -> Result<()> {
    let _one = ONE.lock().await;
    let _turn = Turn::browser().await;
    let folder = TempDir::new()?;
    let mut demo = start(&["--boxes", "2"], folder.path())?;
    let page = said(&mut demo, "watch").await?;
    let server = said(&mut demo, "server").await?;
    said(&mut demo, "stream key").await?;

    let mut viewer = Viewer::open(&page, folder.path()).await?;
    viewer.plays().await?;
    viewer.watches(Duration::from_secs(3)).await?;
    viewer.close().await?;
    line(&mut demo, |line| line.contains("2 boxes alive | from boxes ")).await?;

    let programs = children(demo.pid());
    assert_eq!(programs.len(), PROGRAMS, "{programs:?}");
    demo.interrupt()?;
    let status = demo.wait(STOP_LIMIT).await?;
    assert!(status.success(), "{status}: {}", demo.tail());
    nothing_is_left(&programs, folder.path())?;
    for url in [page, server] {
        let (_, rest) = url.split_once("://").context("a URL")?;
        let address = rest.split('/').next().unwrap_or_default();
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "{address} is still open"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_ended_while_it_starts_leaves_nothing_either() -> Result<()> {
    let _one = ONE.lock().await;
    let _turn = Turn::light().await;
    let folder = TempDir::new()?;
    let mut demo = start(&["--boxes", "3", "--publish", "no"], folder.path())?;
    line(&mut demo, |line| line == "Starting box 2 of 3.").await?;
    let programs = children(demo.pid());
    assert!(programs.len() >= 3, "{programs:?}");
    demo.terminate()?;
    let status = demo.wait(STOP_LIMIT).await?;
    assert!(status.success(), "{status}: {}", demo.tail());
    nothing_is_left(&programs, folder.path())?;
    Ok(())
}

fn nothing_is_left(programs: &[u32], folder: &Path) -> Result<()> {
    for program in programs {
        assert!(
            !Path::new(&format!("/proc/{program}")).exists(),
            "process {program} is left"
        );
    }
    for left in std::fs::read_dir(folder)? {
        let name = left?.file_name();
        assert!(
            !name.to_string_lossy().starts_with("boxmesh"),
            "{} is left",
            name.display()
        );
    }
    Ok(())
}

fn start(arguments: &[&str], folder: &Path) -> Result<Process> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    // Its temporary folder is to be seen to go, too.
    command.args(arguments).env("TMPDIR", folder);
    Process::start("demo", command, folder)
}

/// What stands behind `word` in a line of the introduction.
async fn said(demo: &mut Process, word: &str) -> Result<String> {
    let found = line(demo, |line| line.trim_start().starts_with(word)).await?;
    Ok(found
        .trim_start()
        .trim_start_matches(word)
        .trim_start()
        .to_owned())
}

async fn line(demo: &mut Process, wanted: impl Fn(&str) -> bool) -> Result<String> {
    eventually("the demo to say so", Duration::from_secs(40), async || {
        if let Some(status) = demo.ended()? {
            bail!("the demo ended: {status}\n{}{}", demo.stdout(), demo.tail());
        }
        Ok(demo.stdout().lines().find(|line| wanted(line)).map(str::to_owned))
    })
    .await
}
