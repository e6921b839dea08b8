//! With many channels on air a box carries some of them, and each is played from the boxes that do.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    eventually::{eventually, until},
    manifest::Manifest,
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    publisher::{Clip, Replay},
    turn::Turn,
};

const LIMIT: Duration = Duration::from_mins(1);

/// One more than are few.
const OTHERS: [&str; 4] = ["two", "three", "four", "five"];

/// The fewest boxes that carry a channel, and how many more may stay who carry it already.
const FLOOR: usize = 8;
const LINGER: usize = FLOOR / 2;

const BOXES: usize = 14;

/// How many boxes carry each channel.
async fn carriers(mesh: &Mesh) -> Result<BTreeMap<String, usize>> {
    let mut carriers = BTreeMap::new();
    for one in mesh.boxes_of(0).await? {
        for channel in one.channels {
            *carriers.entry(channel).or_default() += 1;
        }
    }
    Ok(carriers)
}

async fn manifest_of(mesh: &Mesh, channel: &str) -> Result<Manifest> {
    let url = mesh.trackers[0].url(&format!("/live/{channel}/manifest.mpd"));
    let answer = mesh.http.get(&url).send().await?.error_for_status()?;
    Manifest::parse(&url, &answer.text().await?)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fourteen boxes that carry five channels are more than two processors bear without optimisation"]
async fn with_many_channels_a_box_carries_some_and_each_is_played_from_boxes_that_do() -> Result<()> {
    let _turn = Turn::browser().await;
    let keys = OTHERS.map(|channel| (channel, hex::encode(rand::random::<[u8; 12]>())));
    let arguments = keys
        .iter()
        .flat_map(|(channel, key)| ["--stream-key".to_owned(), format!("{channel}={key}")]);
    let mut mesh = Mesh::launch(Plan {
        boxes: 0,
        origin_arguments: arguments.collect(),
        ..Plan::default()
    })
    .await?;
    let address = mesh.origin().address("rtmp");
    let _demo = mesh.replay().await?;
    let mut replays = Vec::new();
    for (_, key) in &keys {
        replays.push(Replay::start(address, key, Clip::built_in()).await?);
    }
    until("all channels to be on air", LIMIT, async || {
        let channels = mesh.channels().await?;
        Ok(channels.len() > OTHERS.len() && channels.iter().all(|one| one.live))
    })
    .await?;
    for _ in 0..BOXES {
        mesh.add_box(&[]).await?;
    }
    mesh.listed(BOXES).await?;

    let mut last = BTreeMap::new();
    let found = eventually("each channel to have boxes of its own", LIMIT, async || {
        let carriers = carriers(&mesh).await?;
        last.clone_from(&carriers);
        let enough = carriers.values().filter(|count| **count >= FLOOR).count();
        Ok((enough > OTHERS.len()).then_some(carriers))
    });
    let found = found.await;
    for (channel, count) in found.with_context(|| format!("{last:?}"))? {
        ensure!(
            (FLOOR..=FLOOR + LINGER).contains(&count),
            "{count} boxes carry {channel}"
        );
    }

    for channel in [CHANNEL].into_iter().chain(OTHERS) {
        let what = format!("{channel} from three boxes");
        let manifest = eventually(&what, LIMIT, async || {
            let manifest = manifest_of(&mesh, channel).await?;
            Ok((manifest.boxes().count() == 3).then_some(manifest))
        });
        let manifest = manifest.await?;
        let (_, newest) = manifest
            .track("v0")
            .segments
            .last()
            .expect("it is on air")
            .clone();
        for source in manifest.boxes() {
            let url = source.base.join(&newest)?;
            until(url.as_str(), LIMIT, async || {
                Ok(mesh.http.get(url.clone()).send().await?.status().is_success())
            })
            .await?;
        }
    }
    mesh.all_running()
}
