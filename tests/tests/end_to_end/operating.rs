//! Whoever runs a tracker can give it orders from the command line, and take it from behind a balancer.

use std::{path::Path, process::Output, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tests::{
    eventually::until,
    mesh::client,
    node::{Node, Program},
    turn::Turn,
};

async fn tracker(folder: &Path, more: &[&str]) -> Result<Node> {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let mut arguments: Vec<String> = ["--http", "127.0.0.1:0", "--trust-origin", key]
        .map(str::to_owned)
        .into();
    arguments.extend(more.iter().map(|&one| one.to_owned()));
    Node::start(Program::Tracker, "tracker", arguments, folder).await
}

async fn says(arguments: &[&str]) -> Result<Output> {
    let mut command = Program::Tracker.command()?;
    command.args(arguments);
    Ok(tokio::process::Command::from(command).output().await?)
}

#[tokio::test]
async fn a_tracker_that_is_told_to_end_says_so_first_and_ends_in_time() -> Result<()> {
    let _turn = Turn::light().await;
    let folder = TempDir::new()?;
    let mut tracker = tracker(folder.path(), &["--drain", "2s"]).await?;
    let http = client()?;
    let ready = tracker.url("/readyz");
    ensure!(http.get(&ready).send().await?.status() == 200, "the witness");
    tracker.process().terminate()?;
    until("it to be ready no more", Duration::from_secs(2), async || {
        Ok(http.get(&ready).send().await?.status() == 503)
    })
    .await?;
    let time = http.get(tracker.url("/time")).send().await?;
    ensure!(time.status() == 200, "who still comes is served");
    let ended = tracker.process().wait(Duration::from_secs(7)).await?;
    ensure!(ended.success(), "{ended}");
    Ok(())
}

#[tokio::test]
async fn a_title_is_set_with_the_token_and_the_log_tells_of_it() -> Result<()> {
    let _turn = Turn::light().await;
    let folder = TempDir::new()?;
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    std::fs::write(&right, "the-token-of-this-test\n")?;
    std::fs::write(&wrong, "the-token-of-another-test\n")?;
    let (right, wrong) = (right.to_string_lossy(), wrong.to_string_lossy());
    let mut tracker = tracker(folder.path(), &["--admin-token-file", &right]).await?;
    let url = tracker.url("");
    let set = async |token: &str| {
        let of = ["channel", "set", "demo", "--title", "The news at ten"];
        let at = ["--tracker", &url, "--admin-token-file", token];
        says(&[&of[..], &at[..]].concat()).await
    };
    let refused = set(&wrong).await?;
    ensure!(!refused.status.success(), "{refused:?}");
    ensure!(
        String::from_utf8_lossy(&refused.stderr).contains("token"),
        "{refused:?}"
    );
    let done = set(&right).await?;
    ensure!(done.status.success(), "{done:?}");
    let log = tracker.process().stderr();
    ensure!(log.contains("audit") && log.contains("The news at ten"), "{log}");
    ensure!(!log.contains("the-token"), "{log}");
    let unknown = says(&["channel", "show", "demo", "--tracker", &url]).await?;
    ensure!(!unknown.status.success(), "it was never on air");
    let listed = says(&["channel", "list", "--tracker", &url]).await?;
    ensure!(listed.status.success(), "{listed:?}");

    let none = ["--trust-origin", "x", "--admin-token-file", "/nowhere/token"];
    let refused = says(&none).await?;
    ensure!(refused.status.code() == Some(64), "{refused:?}");
    Ok(())
}
