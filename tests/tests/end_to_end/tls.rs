//! A tracker speaks TLS by itself, with a certificate that is renewed while it runs.

use std::{path::Path, process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::tls::TlsInfo;
use tempfile::TempDir;
use tests::{
    certificates::Authority,
    eventually::{eventually, until},
    mesh::Mesh,
    node::Program,
    plan::{CHANNEL, Plan},
    turn::Turn,
};

use crate::support::fetch;

fn client(authority: &Authority) -> Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .tls_info(true)
        // Each request sees which certificate is shown now.
        .pool_max_idle_per_host(0)
        .add_root_certificate(reqwest::Certificate::from_pem(authority.pem().as_bytes())?);
    Ok(client.build()?)
}

async fn shown(http: &reqwest::Client, url: &str) -> Result<Vec<u8>> {
    let answer = http.get(url).send().await?.error_for_status()?;
    let info = answer.extensions().get::<TlsInfo>().context("no TLS")?;
    Ok(info.peer_certificate().context("no certificate")?.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_meets_at_https_and_a_renewed_certificate_is_taken_while_it_runs() -> Result<()> {
    let _turn = Turn::light().await;
    let folder = TempDir::new()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (cert, key, ca) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let authority = Authority::new()?;
    let issue = || authority.issue(Path::new(&cert), Path::new(&key));
    std::fs::write(&ca, authority.pem())?;
    let first = issue()?;

    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let mut mesh = Mesh::prepare(Plan {
        tracker_arguments: words(&["--tls-cert", &cert, "--tls-key", &key]),
        origin_arguments: words(&["--tracker-ca", &ca]),
        ..Plan::default()
    })?;
    mesh.http = client(&authority)?;
    mesh.start_trackers().await?;
    mesh.start_origin().await?;
    mesh.add_box(&["--tracker-ca", &ca]).await?;
    // One that was not told whom to trust stays outside, which is the control.
    let stranger = mesh.add_box(&[]).await?;
    mesh.listed(1).await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(2, 1).await?;
    let log = mesh.boxes[stranger].process().stderr();
    ensure!(log.contains("certificate"), "it says why it is outside: {log}");

    for document in [
        "manifest.mpd",
        "low-latency.mpd",
        "compat.mpd",
        "master.m3u8",
        "v0.m3u8",
    ] {
        let url = mesh.trackers[0].url(&format!("/live/{CHANNEL}/{document}"));
        let text = eventually(document, Duration::from_secs(30), async || {
            let answer = mesh.http.get(&url).send().await?;
            let is_there = answer.status().is_success();
            Ok(if is_there {
                Some(answer.text().await?)
            } else {
                None
            })
        })
        .await?;
        let (tracker, plain) = (
            mesh.trackers[0].url("/"),
            mesh.trackers[0].url("/").replace("https", "http"),
        );
        ensure!(
            text.contains(&tracker) && !text.contains(&plain),
            "{document}: {text}"
        );
    }
    let page = mesh.http.get(mesh.watch_url()).send().await?.error_for_status()?;
    ensure!(
        !page.text().await?.contains("http://"),
        "pages link to where they are"
    );
    let listed = says(&[
        "channel",
        "list",
        "--tracker",
        &mesh.trackers[0].url(""),
        "--tracker-ca",
        &ca,
    ])
    .await?;
    ensure!(
        String::from_utf8_lossy(&listed.stdout).starts_with("demo live"),
        "{listed:?}"
    );
    let refused = says(&["channel", "list", "--tracker", &mesh.trackers[0].url("")]).await?;
    ensure!(!refused.status.success(), "{refused:?}");

    let time = mesh.trackers[0].url("/time");
    ensure!(shown(&mesh.http, &time).await? == first);
    let second = issue()?;
    until("the new certificate", Duration::from_secs(10), async || {
        Ok(shown(&mesh.http, &time).await? == second)
    })
    .await?;
    // Who was connected, and who connects now, are answered.
    let newest = mesh.on_air(1, 1).await?.track("v0").newest();
    let later = mesh.on_air(newest + 3, 1).await?;
    let (_, segment) = later.track("v0").segments.last().context("no segment")?.clone();
    fetch(&mesh, &mesh.boxes[0], &segment).await?;
    mesh.listed(1).await?;
    Ok(())
}

async fn says(arguments: &[&str]) -> Result<Output> {
    let mut command = Program::Tracker.command()?;
    command.args(arguments);
    Ok(tokio::process::Command::from(command).output().await?)
}

#[tokio::test]
async fn a_certificate_that_is_of_no_use_ends_a_tracker_before_it_listens() -> Result<()> {
    let folder = TempDir::new()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (cert, key, other) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    let authority = Authority::new()?;
    authority.issue(Path::new(&path("unused.pem")), Path::new(&other))?;
    authority.issue(Path::new(&cert), Path::new(&key))?;
    let trust = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    for (more, words) in [
        (vec!["--tls-cert", &cert], "given together"),
        (
            vec!["--tls-cert", &cert, "--tls-key", "/nowhere"],
            "cannot read /nowhere",
        ),
        (
            vec!["--tls-cert", &cert, "--tls-key", &other],
            "is not that of the certificate",
        ),
        (
            vec!["--tls-cert", &key, "--tls-key", &key],
            "holds no certificate",
        ),
    ] {
        let refused =
            says(&[&["--http", "127.0.0.1:0", "--trust-origin", trust], &more[..]].concat()).await?;
        let said = String::from_utf8_lossy(&refused.stderr);
        ensure!(
            refused.status.code() == Some(64) && said.contains(words),
            "{more:?}: {refused:?}"
        );
        ensure!(refused.stdout.is_empty(), "{refused:?}");
    }
    Ok(())
}
