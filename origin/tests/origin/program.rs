//! The program itself: its commands, and settings that are wrong on this machine.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn origin(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_origin"))
        .args(arguments)
        .arg("--data-dir")
        .arg(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

/// What it printed, when it did as it was told.
fn says(folder: &TempDir, arguments: &[&str]) -> String {
    let output = origin(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What it found wrong.
fn refuses(folder: &TempDir, arguments: &[&str]) -> String {
    let output = origin(folder, arguments);
    assert_eq!(output.status.code(), Some(64));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn stream_keys_are_shown_when_they_are_made_and_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let key = says(&folder, &["stream-key", "add", "demo"]);
    assert_eq!(key.trim_end().len(), 32);
    let own = says(
        &folder,
        &["stream-key", "add", "demo", "--key", "correct-horse_battery"],
    );
    assert_eq!(own, "", "its owner knows it");
    let short = refuses(&folder, &["stream-key", "add", "demo", "--key", "hush-hush"]);
    assert!(
        short.contains("at least 16") && !short.contains("hush"),
        "{short}"
    );

    let listed = says(&folder, &["stream-key", "list"]);
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines.iter().all(|words| words[0] == "demo" && words.len() == 3),
        "{listed}"
    );
    assert!(!listed.contains(key.trim_end()) && !listed.contains("horse"));

    says(&folder, &["stream-key", "remove", lines[0][1]]);
    assert_eq!(says(&folder, &["stream-key", "list"]).lines().count(), 1);
    says(&folder, &["stream-key", "remove", "demo"]);
    assert_eq!(says(&folder, &["stream-key", "list"]), "");
    let unknown = refuses(&folder, &["stream-key", "remove", "demo"]);
    assert!(unknown.contains("\"demo\""), "{unknown}");
}

#[test]
fn the_next_key_is_told_before_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let current = says(&folder, &["key"]);
    let next = says(&folder, &["key", "rotate", "--valid", "1h"]);
    assert_eq!(next.trim_end().len(), 64);
    assert_ne!(current, next);
    assert_eq!(says(&folder, &["key"]), current);
    assert!(refuses(&folder, &["key", "rotate", "--valid", "1s"]).contains("--valid"));
}

#[test]
fn a_certificate_that_is_none_is_refused_before_any_port_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Path::new("/nowhere.pem").to_str().unwrap();
    // A port that nobody may bind: not that is what is complained of.
    let run = [
        "--tracker",
        "http://127.0.0.1:9",
        "--rtmp",
        "192.0.2.1:1",
        "--rtmps",
        "127.0.0.1:0",
    ];
    let alone = refuses(&folder, &run);
    assert!(alone.contains("--rtmps-cert"), "{alone}");
    let bad = refuses(
        &folder,
        &[&run[..], &["--rtmps-cert", nowhere, "--rtmps-key", nowhere]].concat(),
    );
    assert!(bad.contains("/nowhere.pem"), "{bad}");
}
