//! Whoever starts a program with something wrong is told what, and what to do about it.

use std::{net::TcpListener, process::Output, time::Duration};

use anyhow::Result;
use tempfile::TempDir;
use tests::{eventually::until, mesh::Mesh, node::Program, plan::Plan, turn::Turn};

/// The first of RFC 8032's test vectors (§7.1).
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// What each program needs besides the setting that is tried.
fn needed(program: Program) -> Vec<&'static str> {
    match program {
        Program::Tracker => vec!["--trust-origin", KEY],
        Program::Origin => vec!["--tracker", "http://127.0.0.1:9"],
        Program::PeerBox => vec!["join", "http://127.0.0.1:9"],
    }
}

const PROGRAMS: [Program; 3] = [Program::Tracker, Program::Origin, Program::PeerBox];

async fn run(program: Program, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
    let folder = TempDir::new()?;
    let mut command = program.command()?;
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder.path());
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output();
    Ok(tokio::time::timeout(Duration::from_secs(10), output).await??)
}

fn is_refusal(program: Program, output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{program:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{program:?} does not say {word}: {said}");
    }
    assert!(
        output.stdout.is_empty(),
        "{program:?} bound a port before it read its settings"
    );
}

#[tokio::test]
async fn a_wrong_value_ends_with_64_naming_setting_value_and_what_is_allowed() -> Result<()> {
    for program in PROGRAMS {
        let mut arguments = needed(program);
        arguments.extend(["--http", "nowhere"]);
        let output = run(program, &arguments, &[]).await?;
        is_refusal(program, &output, &["--http", "nowhere", "HOST:PORT"]);
    }
    let output = run(Program::Origin, &["--tracker", "http://t", "--seeds", "99"], &[]).await?;
    is_refusal(Program::Origin, &output, &["--seeds", "99", "1..=16"]);
    Ok(())
}

#[tokio::test]
async fn an_unknown_flag_ends_with_64_naming_it() -> Result<()> {
    for program in PROGRAMS {
        let mut arguments = needed(program);
        arguments.push("--htttp=127.0.0.1:0");
        let output = run(program, &arguments, &[]).await?;
        is_refusal(program, &output, &["--htttp"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_environment_variable_ends_with_64_naming_the_setting() -> Result<()> {
    for program in PROGRAMS {
        let output = run(program, &needed(program), &[("BOXMESH_HTTP", "nowhere")]).await?;
        is_refusal(program, &output, &["--http", "nowhere"]);
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_in_a_settings_file_ends_with_64_naming_it() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "htttp = \"127.0.0.1:0\"\n")?;
    let file = file.to_string_lossy();
    for program in PROGRAMS {
        let mut arguments = needed(program);
        arguments.extend(["--config", &file]);
        let output = run(program, &arguments, &[]).await?;
        is_refusal(program, &output, &["htttp"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_flag_that_moves_it() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let cases = [
        (Program::Tracker, "--http"),
        (Program::Origin, "--http"),
        (Program::Origin, "--rtmp"),
        (Program::PeerBox, "--http"),
        (Program::PeerBox, "--zmq"),
        (Program::PeerBox, "--p2p"),
    ];
    for (program, flag) in cases {
        let mut arguments = needed(program);
        let flags: &[&str] = match program {
            Program::Tracker => &["--http"],
            Program::Origin => &["--rtmp", "--http"],
            Program::PeerBox => &["--http", "--zmq", "--p2p"],
        };
        for &one in flags {
            arguments.push(one);
            arguments.push(if one == flag { &address } else { "127.0.0.1:0" });
        }
        let output = run(program, &arguments, &[]).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{program:?} {flag}");
        assert!(
            said.contains(&address) && said.contains(flag),
            "{program:?} {flag}: {said}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn origin_and_box_go_on_when_the_tracker_comes_late_and_say_so_once() -> Result<()> {
    let _turn = Turn::light().await;
    // A tracker that is launched only to find out where it will be.
    let mut mesh = Mesh::prepare(Plan::default())?;
    mesh.start_trackers().await?;
    mesh.trackers[0].process().stop()?;

    mesh.start_origin().await?;
    mesh.add_box(&[]).await?;
    let replay = mesh.replay().await?;
    let complaint = "tracker does not take what we say";
    until("both to miss the tracker", Duration::from_secs(15), async || {
        let origin = mesh
            .origin
            .as_mut()
            .is_some_and(|node| node.process().stderr().contains(complaint));
        Ok(origin && mesh.boxes[0].process().stderr().contains(complaint))
    })
    .await?;

    mesh.trackers[0].restart().await?;
    mesh.listed(1).await?;
    mesh.on_air(2, 1).await?;
    for node in mesh.boxes.iter_mut().chain(&mut mesh.origin) {
        let log = node.process().stderr();
        assert_eq!(log.matches(complaint).count(), 1, "{log}");
        assert_eq!(log.matches("tracker answers again").count(), 1, "{log}");
    }
    Ok(replay.stop().await?)
}
