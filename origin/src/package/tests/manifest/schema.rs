//! The schema of DASH agrees.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wire::presentation::{Document, State};

use super::stage::{EPOCH, Stage};

/// Channels in every state that changes what is said.
fn channels() -> Vec<(&'static str, Vec<Document>)> {
    let mut channels = Vec::new();
    for (name, tracks) in [
        ("both", &["v0", "a0"][..]),
        ("audio", &["a0"]),
        ("video", &["v0"]),
        ("ladder", &["v0", "a0", "v1", "a1", "v2"]),
    ] {
        let mut stage = Stage::new((30_000, 1001));
        stage.begin(EPOCH, tracks, 0);
        for _ in 0..4 {
            stage.segment(60, |_| {});
        }
        channels.push((name, stage.documents()));
    }
    let mut stage = Stage::new((25, 1));
    stage.begin(EPOCH, &["v0", "a0"], 0);
    stage.segment(50, |_| {});
    stage.begin_after(Duration::from_millis(7), &["v0", "a0", "v1"], 0);
    stage.segment(50, |_| {});
    channels.push(("two-epochs", stage.documents()));
    stage.segment(90, |_| {});
    stage.segment(50, |_| {});
    channels.push(("unsteady", stage.documents()));
    stage.presentation.end_epoch();
    stage.state = State::Away;
    channels.push(("away", stage.documents()));
    stage.state = State::Ended;
    channels.push(("ended", stage.documents()));
    channels
}

/// The schema comes from outside: `BOXMESH_DASH_SCHEMA` names DASH-MPD.xsd, with a `catalog.xml` beside it.
#[test]
fn the_schema_of_dash_agrees() {
    let Some(schema) = env::var_os("BOXMESH_DASH_SCHEMA") else {
        eprintln!("skipped: BOXMESH_DASH_SCHEMA does not name a DASH-MPD.xsd");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (channel, documents) in channels() {
        for document in documents
            .iter()
            .filter(|document| document.text.starts_with("<?xml"))
        {
            let file = folder.path().join(format!("{channel}-{}", document.name));
            fs::write(&file, &document.text).unwrap();
            files.push(file);
        }
    }
    assert_eq!(files.len(), 8 * 3);
    let outcome = Command::new("xmllint")
        .env(
            "XML_CATALOG_FILES",
            Path::new(&schema).with_file_name("catalog.xml"),
        )
        .args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .args(&files)
        .output()
        .expect("xmllint is needed to check against a schema");
    assert!(
        outcome.status.success(),
        "{}",
        String::from_utf8_lossy(&outcome.stderr)
    );
}
