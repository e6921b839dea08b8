//! Whatever a publisher's timeline does, the channel goes on.

use std::time::Duration;

use anyhow::{Context, Result};
use tests::{
    eventually::eventually,
    manifest::Manifest,
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    publisher::{
        Clip, Kind, RawPublisher, Unit,
        raw::{enhanced, perform},
    },
    turn::Turn,
};

/// A new epoch is in the manifest sooner than this: its first segment has to be whole.
const PERIOD_LIMIT: Duration = Duration::from_secs(15);

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_wraps_at_32_bits_breaks_nothing() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    // Extended timestamps from the first, and 3 s on the clock begins again at 0.
    let begin = u32::MAX - 3000;
    let wrapping = |time: Duration, _: &Unit| Some(begin.wrapping_add(millis(time)));
    perform(&mut publisher, &clip, Duration::ZERO..9 * SECOND, wrapping).await?;

    let manifest = mesh.manifest().await?;
    assert_eq!(manifest.periods.len(), 1, "{manifest:?}");
    assert!(manifest.track("v0").newest() >= 3, "{manifest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_forwards_or_back_begins_a_period_that_goes_on_from_the_last() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    let jumping = |time: Duration, _: &Unit| {
        Some(match time.as_secs() {
            0..6 => millis(time) + 50_000,
            6..12 => millis(time) + 3_600_000,
            _ => millis(time),
        })
    };
    perform(&mut publisher, &clip, Duration::ZERO..17 * SECOND, jumping).await?;

    let manifest = with_periods(&mesh, 3).await?;
    let [first, second, third] = &manifest.periods[..] else {
        panic!("{:?}", manifest.periods)
    };
    assert!(first.duration.is_some() && second.duration.is_some() && third.duration.is_none());
    assert!(second.connected && third.connected, "{:?}", manifest.periods);
    let playlist = playlist(&mesh, "v0").await?;
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        2,
        "{playlist}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_comes_back_goes_on_in_the_same_presentation() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    perform(&mut publisher, &clip, Duration::ZERO..5 * SECOND, plain).await?;
    // Without a goodbye: its connection is closed.
    drop(publisher);
    state(&mesh, "away").await?;
    let waiting = mesh.manifest().await?;
    assert!(waiting.goes_on, "{waiting:?}");

    let mut publisher = publish(&mesh, &clip).await?;
    perform(&mut publisher, &clip, Duration::ZERO..5 * SECOND, plain).await?;
    let manifest = with_periods(&mesh, 2).await?;
    assert!(manifest.periods[1].connected, "{:?}", manifest.periods);
    state(&mesh, "live").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_falls_silent_leaves_its_key_free() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut silent = publish(&mesh, &clip).await?;
    perform(&mut silent, &clip, Duration::ZERO..4 * SECOND, plain).await?;
    // It keeps its connection, and says nothing more.
    silent.closed(12 * SECOND).await?;
    assert!(silent.said().contains("no media for 8 s"), "{}", silent.said());

    let mut publisher = publish(&mesh, &clip).await?;
    perform(&mut publisher, &clip, Duration::ZERO..4 * SECOND, plain).await?;
    with_periods(&mesh, 2).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_stays_away_ends_the_presentation_properly() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&["--wait", "1s"]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    perform(&mut publisher, &clip, Duration::ZERO..5 * SECOND, plain).await?;
    drop(publisher);
    state(&mesh, "ended").await?;

    let manifest = mesh.manifest().await?;
    assert!(!manifest.goes_on, "{manifest:?}");
    assert!(manifest.length.is_some(), "{manifest:?}");
    let playlist = playlist(&mesh, "v0").await?;
    assert!(playlist.trim_end().ends_with("#EXT-X-ENDLIST"), "{playlist}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_starts_late_begins_a_period_with_sound() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    let late =
        |time: Duration, unit: &Unit| (unit.kind == Kind::Video || time > 6 * SECOND).then(|| millis(time));
    perform(&mut publisher, &clip, Duration::ZERO..13 * SECOND, late).await?;

    let manifest = with_periods(&mesh, 2).await?;
    assert_eq!(manifest.periods[0].tracks, ["v0"], "{manifest:?}");
    assert_eq!(manifest.periods[1].tracks, ["v0", "a0"], "{manifest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_and_pictures_alone_are_streams_too() -> Result<()> {
    for (kind, track) in [(Kind::Audio, "a0"), (Kind::Video, "v0")] {
        let (_turn, mesh, clip) = mesh(&[]).await?;
        let address = mesh.origin().address("rtmp");
        let mut publisher = RawPublisher::publish(address, &mesh.stream_key()).await?;
        let configuration = clip.configuration.iter().find(|one| one.kind == kind);
        publisher
            .unit(0, configuration.context("the clip has both")?)
            .await?;
        let alone = |time: Duration, unit: &Unit| (unit.kind == kind).then(|| millis(time));
        perform(&mut publisher, &clip, Duration::ZERO..8 * SECOND, alone).await?;

        let manifest = with_periods(&mesh, 1).await?;
        assert_eq!(manifest.periods[0].tracks, [track], "{manifest:?}");
        let master = document(&mesh, "master.m3u8").await?;
        assert!(master.contains(&format!("{track}.m3u8")), "{master}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_begins_a_period() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let mut publisher = publish(&mesh, &clip).await?;
    perform(&mut publisher, &clip, Duration::ZERO..4 * SECOND, plain).await?;
    // The same sound, said to be in another profile and rate: 44.1 kHz.
    publisher.audio(4000, &[0xAF, 0, 0x12, 0x10]).await?;
    perform(&mut publisher, &clip, 4 * SECOND..9 * SECOND, plain).await?;

    let manifest = with_periods(&mesh, 2).await?;
    assert_eq!(manifest.periods[1].tracks, ["v0", "a0"], "{manifest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn enhanced_rtmp_is_taken_and_what_cannot_be_is_refused_with_a_reason() -> Result<()> {
    let (_turn, mesh, clip) = mesh(&[]).await?;
    let address = mesh.origin().address("rtmp");
    let mut publisher = RawPublisher::publish(address, &mesh.stream_key()).await?;
    let [picture, sound] = &clip.configuration;
    publisher.video(0, &enhanced(&picture.body, *b"avc1")).await?;
    publisher.unit(0, sound).await?;
    for (time, unit) in clip.replay().take_while(|(time, _)| *time < 5 * SECOND) {
        match unit.kind {
            Kind::Video => {
                let tag = enhanced(&unit.body, *b"avc1");
                publisher.video(millis(time), &tag).await?;
            }
            Kind::Audio => publisher.unit(millis(time), unit).await?,
        }
    }
    let manifest = with_periods(&mesh, 1).await?;
    assert!(manifest.track("v0").codecs.starts_with("avc1."), "{manifest:?}");
    drop(publisher);

    for (four_cc, name) in [(*b"vp08", "VP8"), (*b"xxxx", "Enhanced RTMP")] {
        let mut publisher = RawPublisher::publish(address, &mesh.stream_key()).await?;
        publisher.video(0, &enhanced(&picture.body, four_cc)).await?;
        publisher.hears(&[name]).await?;
        publisher.closed(5 * SECOND).await?;
    }
    Ok(())
}

async fn mesh(origin_arguments: &[&str]) -> Result<(Turn, Mesh, Clip)> {
    let turn = Turn::light().await;
    let mesh = Mesh::launch(Plan {
        boxes: 1,
        origin_arguments: origin_arguments.iter().map(|&one| one.to_owned()).collect(),
        ..Plan::default()
    });
    Ok((turn, mesh.await?, Clip::built_in()))
}

async fn publish(mesh: &Mesh, clip: &Clip) -> Result<RawPublisher> {
    let address = mesh.origin().address("rtmp");
    let mut publisher = RawPublisher::publish(address, &mesh.stream_key()).await?;
    publisher.introduce(0, clip).await?;
    Ok(publisher)
}

#[expect(clippy::unnecessary_wraps, reason = "`perform` may leave units out")]
fn plain(time: Duration, _: &Unit) -> Option<u32> {
    Some(millis(time))
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).expect("tests are short")
}

/// The manifest, once it has so many periods.
async fn with_periods(mesh: &Mesh, count: usize) -> Result<Manifest> {
    let what = format!("a manifest of {count} periods");
    let mut last = None;
    let found = eventually(&what, PERIOD_LIMIT, async || {
        last = mesh.manifest().await.ok();
        Ok(last.clone().filter(|manifest| manifest.periods.len() == count))
    });
    let found = found.await;
    found.with_context(|| format!("it is {last:?}"))
}

/// Waits until the tracker says that the channel is in that state.
async fn state(mesh: &Mesh, state: &str) -> Result<()> {
    let what = format!("the channel to be {state}");
    eventually(&what, PERIOD_LIMIT, async || {
        let channel = mesh.channel().await?;
        Ok(channel.filter(|channel| channel.state == state).map(drop))
    })
    .await
}

async fn playlist(mesh: &Mesh, track: &str) -> Result<String> {
    document(mesh, &format!("{track}.m3u8")).await
}

async fn document(mesh: &Mesh, name: &str) -> Result<String> {
    let url = mesh.trackers[0].url(&format!("/live/{CHANNEL}/{name}"));
    let answer = mesh.http.get(&url).send().await?.error_for_status()?;
    Ok(answer.text().await?)
}
