//! A box keeps to what its volunteer allows, shows what it does to nobody else, and leaves politely.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use tests::{
    eventually::{eventually, until},
    mesh::Mesh,
    node::Program,
    turn::Turn,
};

use crate::support::media_url;

const LIMIT: Duration = Duration::from_secs(20);

/// Enough for some hundred segments of the clip, little enough to be used up at once.
const QUOTA: u64 = 100_000_000;

async fn status(mesh: &Mesh, number: usize) -> Result<Value> {
    let url = format!("http://{}/status.json", mesh.boxes[number].address("page"));
    let answer = mesh.http.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_str(&answer.text().await?)?)
}

fn given_in_all(status: &Value) -> u64 {
    let given = &status["month"];
    let part = |name: &str| given[name].as_u64().unwrap_or(0);
    part("viewers") + part("neighbours") + part("besides")
}

/// What a viewer can ask box `number` for, all of it.
async fn media_of(mesh: &Mesh, number: usize) -> Result<Vec<String>> {
    let manifest = mesh.manifest().await?;
    let segments = manifest.tracks.iter().flat_map(|track| &track.segments);
    Ok(segments
        .map(|(_, relative)| media_url(&mesh.boxes[number], relative))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_box_remembers_its_quota_to_a_hundredth_and_refuses_beyond_it() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(0).await?;
    let quota = format!("{}MB", QUOTA / 1_000_000);
    mesh.add_box(&["--quota", &quota, "--upload", "1gbit"]).await?;
    mesh.listed(1).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(2, 1).await?;

    // A quarter of it is used, then the box dies without a word.
    let mut taken = 0;
    eventually("a quarter of the quota", LIMIT, async || {
        for url in media_of(&mesh, 0).await? {
            let answer = mesh.http.get(&url).send().await?;
            if answer.status().is_success() {
                taken += answer.bytes().await?.len() as u64;
            }
            if taken > QUOTA / 4 {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await?;
    let before = given_in_all(&status(&mesh, 0).await?);
    assert!(before >= taken, "{before} of {taken}");
    mesh.boxes[0].process().kill()?;
    mesh.boxes[0].restart().await?;
    let after = given_in_all(&status(&mesh, 0).await?);
    let off = after.abs_diff(before);
    assert!(
        off <= QUOTA / 100,
        "{off} bytes off: {before} before, {after} after"
    );

    // The rest is used: then it refuses, says until when, and leaves the list.
    let refusal = eventually("a refusal", LIMIT, async || {
        for url in media_of(&mesh, 0).await? {
            let answer = mesh.http.get(&url).send().await?;
            if answer.status().as_u16() == 503 {
                return Ok(Some(answer));
            }
            answer.bytes().await?;
        }
        Ok(None)
    })
    .await?;
    let retry_after = refusal.headers().get("retry-after").context("no Retry-After")?;
    assert!(retry_after.to_str()?.parse::<u64>()? > 0);
    mesh.listed(0).await?;
    let used = given_in_all(&status(&mesh, 0).await?);
    assert!(used <= QUOTA + QUOTA / 20, "{used} of {QUOTA}");
    replay.stop().await?;
    mesh.all_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_hours_a_box_serves_nobody_and_runs_on() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(1).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(1, 1).await?;
    // From the hour after the next on, for an hour: not now, whatever this machine's time zone.
    let asleep = mesh.add_box(&["--hours", &hours_elsewhere()?]).await?;
    let told = eventually("the box to be away", LIMIT, async || {
        let status = status(&mesh, asleep).await?;
        let away = status["trackers"][0]["answers"] == true;
        Ok(away.then_some(status))
    })
    .await?;
    assert!(
        told["closed"].as_str().is_some_and(|why| why.contains("--hours")),
        "{told}"
    );
    assert_eq!(told["neighbours"], serde_json::json!([]));
    mesh.listed(1).await?;
    for url in media_of(&mesh, asleep).await? {
        let answer = mesh.http.get(&url).send().await?;
        assert_eq!(answer.status().as_u16(), 503);
        let wait: u64 = answer.headers()["retry-after"].to_str()?.parse()?;
        assert!((1..=24 * 3600).contains(&wait), "{wait}");
    }
    replay.stop().await?;
    mesh.all_running()
}

/// An hour of the day that is at least an hour away: by `date`, as the box asks the same machine.
fn hours_elsewhere() -> Result<String> {
    let date = std::process::Command::new("date").arg("+%H").output()?;
    let hour: u32 = String::from_utf8(date.stdout)?.trim().parse()?;
    Ok(format!("{:02}:00-{:02}:00", (hour + 10) % 24, (hour + 11) % 24))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_carries_one_channel_takes_in_no_other() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(1).await?;
    let choosy = mesh.add_box(&["--channels", "another"]).await?;
    mesh.listed(2).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(3, 1).await?;
    let status = status(&mesh, choosy).await?;
    assert_eq!(status["carried"], serde_json::json!([]), "{status}");
    assert_eq!(status["banned_neighbours"], 0, "nobody is blamed for offering");
    replay.stop().await?;
    mesh.all_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn status_in_the_terminal_tells_what_the_page_tells() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let folder = mesh.data_dir("box-0");
    let ask = |folder: &str, more: &[&str]| -> Result<(bool, String)> {
        let mut command = Program::PeerBox.command()?;
        let told = command
            .args(["status", "--data-dir", folder])
            .args(more)
            .output()?;
        let text = [told.stdout, told.stderr].concat();
        Ok((told.status.success(), String::from_utf8(text)?))
    };
    let id = mesh.boxes[0].greeting().id.clone().context("no id")?;
    until("the tracker to send viewers", LIMIT, async || {
        let (told, text) = ask(&folder, &[])?;
        assert!(told && text.contains(&id), "{text}");
        Ok(text.contains("sends viewers here"))
    })
    .await?;
    until("the trackers' word on its ports", LIMIT, async || {
        let (_, json) = ask(&folder, &["--json"])?;
        let status: Value = serde_json::from_str(&json)?;
        assert_eq!(status["id"], id.as_str());
        Ok(status["ports"][0]["seen"]["ok"] == true)
    })
    .await?;

    mesh.boxes[0].process().stop()?;
    let (told, text) = ask(&folder, &[])?;
    assert!(!told && text.contains("no box runs"), "{text}");
    let (told, text) = ask(&mesh.data_dir("nowhere"), &[])?;
    assert!(!told && text.contains("no box runs"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_this_machine_only_and_knows_no_viewer() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(1).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(1, 1).await?;
    let page = mesh.boxes[0].address("page");
    assert!(page.ip().is_loopback());
    // A viewer from an address that nobody else here has.
    let viewer = "127.7.77.177";
    let watching = reqwest::Client::builder()
        .no_proxy()
        .local_address(Some(viewer.parse()?))
        .build()?;
    let media = media_of(&mesh, 0).await?;
    let url = media.first().context("nothing to watch")?;
    let status = watching.get(url).send().await?.status();
    assert!(status.is_success(), "{status}");
    until("the viewer to be counted", LIMIT, async || {
        Ok(self::status(&mesh, 0).await?["viewers"].as_u64() > Some(0))
    })
    .await?;

    let mut seen = String::new();
    for path in ["/", "/page.js", "/page.css", "/status.json"] {
        let answer = mesh.http.get(format!("http://{page}{path}")).send().await?;
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        assert!(answer.headers().get("access-control-allow-origin").is_none());
        let policy = answer.headers()["content-security-policy"].to_str()?;
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        seen += &answer.text().await?;
        let foreign = mesh.http.get(format!("http://{page}{path}"));
        let foreign = foreign.header("host", "box.example:8093").send().await?;
        assert_eq!(foreign.status().as_u16(), 403, "{path}");
        assert!(!foreign.text().await?.contains("box-"));
    }
    seen += &mesh.boxes[0].process().stderr();
    seen += &mesh.boxes[0].process().stdout();
    for entry in std::fs::read_dir(mesh.data_dir("box-0"))? {
        seen += &String::from_utf8_lossy(&std::fs::read(entry?.path())?);
    }
    assert!(
        seen.contains("viewers") && !seen.contains(viewer),
        "it keeps no list of viewers"
    );
    replay.stop().await?;
    mesh.all_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_stops_says_goodbye_and_finishes_what_it_sends() -> Result<()> {
    let _turn = Turn::light().await;
    let mut mesh = Mesh::of(2).await?;
    let replay = mesh.replay().await?;
    mesh.on_air(2, 2).await?;
    let media = media_of(&mesh, 0).await?;
    let mut answer = mesh
        .http
        .get(media.last().context("nothing to watch")?)
        .send()
        .await?;
    assert!(answer.status().is_success());
    let length = answer.content_length();
    let first = answer.chunk().await?.context("an empty segment")?;

    let asked = Instant::now();
    mesh.boxes[0].process().terminate()?;
    let mut got = first.len() as u64;
    while let Some(more) = answer.chunk().await? {
        got += more.len() as u64;
    }
    assert_eq!(Some(got), length, "the segment is whole");
    mesh.listed(1).await?;
    let ended = mesh.boxes[0].process().wait(Duration::from_secs(5)).await?;
    assert!(ended.success() && asked.elapsed() < Duration::from_secs(5));
    let log = mesh.boxes[0].process().stderr();
    assert!(!log.contains("without a goodbye"), "{log}");
    replay.stop().await?;
    Ok(())
}
