//! What no schema notices: that manifests mean what they say, and keep to what they said before.

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use tokio::{io::AsyncWriteExt, process::Command};

const AVAILABILITY_START: &str = r#"availabilityStartTime="2020-01-01T00:00:00Z""#;

/// Checks an MPD against the schema of its standard, but for content steering, which came after its fifth edition.
pub(crate) async fn schema(schema: &Path, mpd: &str) -> Result<String> {
    const STEERING: (&str, &str) = ("<ContentSteering>", "</ContentSteering>");
    let steered = mpd
        .split_once(STEERING.0)
        .and_then(|(head, rest)| Some((head, rest.split_once(STEERING.1)?.1)));
    let mpd = steered.map_or(mpd.to_owned(), |(head, tail)| format!("{head}{tail}"));
    let catalog = schema.with_file_name("catalog.xml");
    let mut child = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schema)
        .arg("-")
        .env("XML_CATALOG_FILES", catalog)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start xmllint")?;
    let mut input = child.stdin.take().context("no stdin")?;
    input.write_all(mpd.as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words}");
    Ok("valid".into())
}

/// What an MPD says, now and a little later.
pub(crate) fn mpd(name: &str, before: &str, after: &str) -> Result<String> {
    for mpd in [before, after] {
        ensure!(mpd.contains(r#"type="dynamic""#), "it is not dynamic");
        ensure!(
            mpd.contains("minimumUpdatePeriod="),
            "it does not say when to ask again"
        );
        ensure!(mpd.contains("<UTCTiming "), "it has no clock");
        if name != "compat.mpd" {
            ensure!(
                mpd.contains(AVAILABILITY_START),
                "availabilityStartTime is another"
            );
        }
    }
    let lasting = |mpd: &str| -> Vec<String> {
        let tags = mpd
            .split('<')
            .filter(|tag| tag.starts_with("Period ") || tag.starts_with("AdaptationSet "));
        tags.map(|tag| tag.trim().to_owned()).collect()
    };
    ensure!(
        lasting(before) == lasting(after),
        "Period or AdaptationSet changed: {:?}, {:?}",
        lasting(before),
        lasting(after)
    );
    let attribute = |mpd: &str, name: &str| {
        let (_, behind) = mpd.split_once(&format!(" {name}=\""))?;
        Some(behind.split_once('"')?.0.to_owned())
    };
    // Old players are not sent back beyond the beginning of an epoch: how far they may go grows at first.
    let lasting: &[_] = if name == "compat.mpd" {
        &["availabilityStartTime"]
    } else {
        &[
            "availabilityStartTime",
            "timeShiftBufferDepth",
            "suggestedPresentationDelay",
        ]
    };
    for attribute_name in lasting {
        ensure!(
            attribute(before, attribute_name) == attribute(after, attribute_name),
            "{attribute_name} changed"
        );
    }
    if name == "low-latency.mpd" {
        for wanted in [
            "availabilityTimeOffset=",
            r#"availabilityTimeComplete="false""#,
            "<ServiceDescription",
            "<Latency ",
            "<PlaybackRate ",
            "<ProducerReferenceTime ",
            "<Resync ",
        ] {
            ensure!(before.contains(wanted), "it has no {wanted}");
        }
    }
    Ok("says the same a little later".into())
}

/// What a media playlist says, now and a little later (RFC 8216 §6.2.1).
pub(crate) fn playlist(before: &str, after: &str) -> Result<String> {
    let (first, second) = (Playlist::read(before)?, Playlist::read(after)?);
    ensure!(first.target == second.target, "EXT-X-TARGETDURATION changed");
    ensure!(
        second.sequence >= first.sequence,
        "EXT-X-MEDIA-SEQUENCE went back"
    );
    for (number, segment) in &second.segments {
        if let Some(known) = first.segments.get(number) {
            ensure!(
                known == segment,
                "segment {number} changed from {known} to {segment}"
            );
        }
    }
    let last = |playlist: &Playlist| playlist.segments.keys().next_back().copied();
    ensure!(last(&second) > last(&first), "no segment came");
    Ok(format!(
        "{} segments, {} parts, sequence {}",
        second.segments.len(),
        second.parts,
        second.sequence
    ))
}

struct Playlist {
    target: u64,
    sequence: u64,
    parts: usize,
    segments: BTreeMap<u64, String>,
}

impl Playlist {
    fn read(text: &str) -> Result<Self> {
        let value = |tag: &str| -> Result<&str> {
            let line = text.lines().find_map(|line| line.strip_prefix(tag));
            line.with_context(|| format!("no {tag}"))
        };
        ensure!(text.starts_with("#EXTM3U\n"), "no playlist: {text}");
        let target: u64 = value("#EXT-X-TARGETDURATION:")?.parse()?;
        let sequence: u64 = value("#EXT-X-MEDIA-SEQUENCE:")?.parse()?;
        value("#EXT-X-MAP:")?;
        value("#EXT-X-PROGRAM-DATE-TIME:")?;
        let part_target = value("#EXT-X-PART-INF:PART-TARGET=")?;
        let part_target: f64 = part_target.split(',').next().unwrap_or_default().parse()?;
        let (mut segments, mut parts, mut next) = (BTreeMap::new(), 0, sequence);
        for line in text.lines() {
            if let Some(length) = line.strip_prefix("#EXTINF:") {
                let length: f64 = length.trim_end_matches(',').parse()?;
                ensure!(
                    length < as_seconds(target) + 0.5,
                    "a segment of {length} s over {target} s"
                );
            } else if let Some(part) = line.strip_prefix("#EXT-X-PART:") {
                let length = part.split(',').find_map(|pair| pair.strip_prefix("DURATION="));
                let length: f64 = length.context("a part without a duration")?.parse()?;
                ensure!(
                    length <= part_target + 1e-3,
                    "a part of {length} s over {part_target} s"
                );
                parts += 1;
            } else if !line.starts_with('#') && !line.is_empty() {
                segments.insert(next, line.to_owned());
                next += 1;
            }
        }
        Ok(Self {
            target,
            sequence,
            parts,
            segments,
        })
    }
}

fn as_seconds(target: u64) -> f64 {
    Duration::from_secs(target).as_secs_f64()
}

/// Fetches everything that a playlist names: what is listed is there.
pub(crate) async fn everything_is_there(client: &Client, url: &str, text: &str) -> Result<String> {
    let base = reqwest::Url::parse(url)?;
    let quoted = text
        .lines()
        .filter(|line| line.starts_with("#EXT-X-MAP") || line.starts_with("#EXT-X-PART:"));
    let quoted = quoted.filter_map(|line| line.split_once("URI=\"")?.1.split_once('"').map(|(uri, _)| uri));
    let plain = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut count = 0;
    for uri in quoted.chain(plain) {
        let answer = client.get(base.join(uri)?).send().await?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{uri} is answered {status}");
        }
        ensure!(!answer.bytes().await?.is_empty(), "{uri} is empty");
        count += 1;
    }
    ensure!(count > 0, "it names nothing");
    Ok(format!("{count} pieces fetched"))
}
