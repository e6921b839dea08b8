//! Conformance: a real publish, every manifest of it checked, and played by every player that it is for.
//!
//! Ends with a table, and with success only if all of it is good. The schema of MPDs is not part of this project: it is used
//! where `BOXMESH_DASH_SCHEMA` names a `DASH-MPD.xsd`.

mod checks;
mod native;
mod table;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use native::Native;
use table::{Outcome, Row, Table};
use tests::{
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    stock,
};

/// How long each player plays.
const SPAN: Duration = Duration::from_secs(8);

/// Pictures a second of what is published.
const RATE: u64 = 25;

/// Which manifests are for which players.
const NATIVE: [(&str, &[Native]); 2] = [
    (
        "compat.mpd",
        &[Native::Ffmpeg, Native::Mpv, Native::Vlc, Native::GStreamer],
    ),
    (
        "master.m3u8",
        &[Native::Ffmpeg, Native::Mpv, Native::Vlc, Native::GStreamer],
    ),
];
const BROWSER: [(&str, &[&str]); 3] = [
    ("manifest.mpd", &["dashjs", "shaka"]),
    ("low-latency.mpd", &["dashjs-low", "shaka-low"]),
    ("master.m3u8", &["hlsjs", "hlsjs-low", "shaka"]),
];

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mesh = Mesh::launch(Plan {
        boxes: 2,
        ..Plan::default()
    })
    .await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(4, 2).await?;

    let mut table = Table::default();
    manifests(&mesh, &mut table).await?;
    for (document, players) in NATIVE {
        for player in players {
            let outcome = player.play(&url(&mesh, document), SPAN).await;
            table.add(played(document, player.name().into(), outcome));
        }
    }
    for (document, players) in BROWSER {
        for player in players {
            let outcome = browser(player, &url(&mesh, document)).await;
            table.add(played(document, (*player).into(), outcome));
        }
    }
    println!("\n{table}");
    Ok(if table.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Plays `url` in a browser with one of the stock players.
async fn browser(player: &str, url: &str) -> Result<Outcome> {
    let seen = stock::play(player, url, SPAN).await?;
    let mut complaints = seen.complaints;
    if seen.played < SPAN.as_secs_f64() * 0.8 {
        complaints.push(format!("played {:.1} s of {} s", seen.played, SPAN.as_secs()));
    }
    if seen.still > 1.0 {
        complaints.push(format!("stood still for {:.1} s", seen.still));
    }
    Ok(Outcome {
        pictures: seen.pictures,
        latency: seen.latency,
        complaints,
    })
}

/// Everything that can be said of the documents without a player.
async fn manifests(mesh: &Mesh, table: &mut Table) -> Result<()> {
    let schema = std::env::var_os("BOXMESH_DASH_SCHEMA").map(PathBuf::from);
    for name in ["manifest.mpd", "low-latency.mpd", "compat.mpd"] {
        let before = fetch(mesh, name).await?;
        match &schema {
            Some(schema) => table.add(checked(name, "schema", checks::schema(schema, &before).await)),
            None => table.add(checked(
                name,
                "schema",
                Ok("not here: BOXMESH_DASH_SCHEMA names none".into()),
            )),
        }
        let after = later(mesh, name, &before).await?;
        table.add(checked(name, "own checks", checks::mpd(name, &before, &after)));
    }
    for name in ["v0.m3u8", "a0.m3u8"] {
        let before = fetch(mesh, name).await?;
        let segments = before.matches("#EXTINF").count();
        let mut after = later(mesh, name, &before).await?;
        while after.matches("#EXTINF").count() <= segments && after.contains("#EXTINF") {
            let text = later(mesh, name, &after).await?;
            if checks::playlist(&before, &text).is_ok() {
                after = text;
                break;
            }
            after = text;
        }
        table.add(checked(name, "own checks", checks::playlist(&before, &after)));
        let all = checks::everything_is_there(&mesh.http, &url(mesh, name), &after).await;
        table.add(checked(name, "all fetched", all));
    }
    Ok(())
}

/// The document once it has changed.
async fn later(mesh: &Mesh, name: &str, before: &str) -> Result<String> {
    tests::eventually::eventually("another version", Duration::from_secs(10), async || {
        let after = fetch(mesh, name).await?;
        // Sessions change it for each viewer: the time is the origin's own.
        let version = |text: &str| {
            text.split_once("publishTime=\"").map_or_else(
                || text.to_owned(),
                |(_, behind)| behind.chars().take_while(|c| *c != '"').collect(),
            )
        };
        Ok((version(&after) != version(before)).then_some(after))
    })
    .await
}

async fn fetch(mesh: &Mesh, name: &str) -> Result<String> {
    let answer = mesh.http.get(url(mesh, name)).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    anyhow::ensure!(status.is_success(), "{name} is answered {status}: {text}");
    Ok(text)
}

fn url(mesh: &Mesh, name: &str) -> String {
    mesh.trackers[0].url(&format!("/live/{CHANNEL}/{name}"))
}

fn checked(document: &'static str, who: &str, verdict: Result<String>) -> Row {
    let good = verdict.is_ok();
    Row {
        document,
        who: who.into(),
        good,
        words: verdict.unwrap_or_else(|error| format!("{error:#}")),
    }
}

fn played(document: &'static str, who: String, outcome: Result<Outcome>) -> Row {
    let outcome = outcome.context("it did not run");
    let (good, words) = match outcome {
        Ok(Outcome {
            pictures,
            latency,
            complaints,
        }) => {
            let enough = pictures >= SPAN.as_secs() * RATE * 8 / 10;
            let behind = latency.map(|latency| format!("{latency:.1} s behind live"));
            let says = (!complaints.is_empty()).then(|| format!("says: {}", complaints.join(" | ")));
            let words = [Some(format!("{pictures} pictures")), behind, says];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
            (enough && complaints.is_empty(), words)
        }
        Err(error) => (false, format!("{error:#}")),
    };
    Row {
        document,
        who,
        good,
        words,
    }
}
