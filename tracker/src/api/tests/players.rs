//! A player that knows no boxes, for real: ffmpeg.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::extract;
use axum::routing::get;
use program::http::{Limits, serve};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::interval;
use wire::presentation::{Document, Presentation};

use super::rig::Rig;
use crate::testing::{NOW, presentation};

/// So many segments of a second, twenty pictures each, made beforehand.
const SEGMENTS: u32 = 30;

/// How many of them are there when the player comes.
const FIRST: u32 = 8;

/// Makes the segments, as they would be at the origin.
async fn segments(folder: &Path) {
    let made = ffmpeg()
        .args(["-f", "lavfi", "-i", "testsrc=size=64x36:rate=20"])
        .args([
            "-t",
            &SEGMENTS.to_string(),
            "-c:v",
            "libx264",
            "-g",
            "20",
            "-bf",
            "0",
        ])
        .args(["-f", "dash", "-seg_duration", "1", "-init_seg_name", "init.m4v"])
        .args(["-media_seg_name", "$Number$.m4v", "-hls_playlist", "0"])
        .arg(folder.join("made.mpd"))
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(folder.join(format!("{SEGMENTS}.m4v")).exists());
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "warning", "-nostdin"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Serves the segments, and returns the port.
async fn origin(rig: &Rig, folder: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let file = move |extract::Path(file): extract::Path<String>| async move {
        tokio::fs::read(folder.join(file)).await.unwrap_or_default()
    };
    let routes = Router::new().route(&format!("/live/demo/{NOW}/v0/{{file}}"), get(file));
    let lifecycle = rig.lifecycle();
    serve(
        listener,
        routes,
        Limits::default(),
        &lifecycle.tasks,
        lifecycle.stop.clone(),
    );
    port
}

/// What there is after so many segments.
fn documents(newest: u32, begun: &str) -> Vec<Document> {
    let mpd = format!(
        r#"<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"
profiles="urn:mpeg:dash:profile:isoff-live:2011" availabilityStartTime="{begun}" publishTime="{begun}"
minimumUpdatePeriod="PT2S" minBufferTime="PT1S" timeShiftBufferDepth="PT10S" suggestedPresentationDelay="PT3S">
<Period id="1" start="PT0S"><AdaptationSet contentType="video" mimeType="video/mp4">
<SegmentTemplate timescale="1" duration="1" startNumber="1" initialization="{NOW}/v0/init.m4v"
media="{NOW}/v0/$Number$.m4v"/><Representation id="v0" codecs="avc1.64000a" bandwidth="50000" width="64" height="36"/>
</AdaptationSet></Period></MPD>"#
    );
    let first = newest.saturating_sub(5).max(1);
    let head = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-MAP:URI=\"{NOW}/v0/init.m4v\"\n"
    );
    let listed = (first..=newest).map(|number| format!("#EXTINF:1.0,\n{NOW}/v0/{number}.m4v\n"));
    vec![
        Document::new("compat.mpd", mpd),
        Document::new(
            "master.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=50000\nv0.m3u8\n",
        ),
        Document::new("v0.m3u8", [head].into_iter().chain(listed).collect::<String>()),
    ]
}

/// Plays a document for five seconds of media while segments come; tells how many pictures were seen and what
/// ffmpeg said, and the tracker's metrics.
async fn play(document: &str) -> (u32, String, String) {
    let (rig, folder) = (Rig::start().await, tempfile::tempdir().unwrap());
    segments(folder.path()).await;
    let port = origin(&rig, folder.path().into()).await;
    let begun = crate::clock::iso8601(program::lifecycle::now_ms() - u64::from(FIRST) * 1000);
    let stream = async {
        let mut seconds = interval(Duration::from_secs(1));
        for newest in FIRST..=SEGMENTS {
            seconds.tick().await;
            let offered = Presentation {
                newest,
                http: format!("http://0.0.0.0:{port}").parse().unwrap(),
                documents: documents(newest, &begun),
                ..presentation(101, rig.now())
            };
            let (status, reply) = rig.present(101, &offered).await;
            assert_eq!(status, 200, "{reply}");
        }
        panic!("it should have seen enough by now");
    };
    let path = format!("/live/demo/{document}");
    let watching = async {
        rig.until(async || rig.get(&path).await.status() == 200).await;
        let url = format!("{}{path}", rig.base);
        let mut command = ffmpeg();
        command.args(["-progress", "pipe:1", "-i", &url, "-t", "5", "-f", "null", "-"]);
        command.output().await.unwrap()
    };
    let output = tokio::select! {
        () = stream => unreachable!("it never returns"),
        output = watching => output,
    };
    let progress = String::from_utf8_lossy(&output.stdout);
    let mut frames = progress.lines().filter_map(|line| line.strip_prefix("frame="));
    let frames = frames
        .next_back()
        .map_or(0, |frames| frames.trim().parse().unwrap());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (frames, said, rig.get("/metrics").await.text().await.unwrap())
}

#[tokio::test]
async fn ffmpeg_plays_the_documents_that_are_made_for_it_and_never_runs_ahead() {
    for document in ["compat.mpd", "master.m3u8"] {
        let (frames, said, metrics) = play(document).await;
        assert!(
            frames >= 98,
            "{frames} pictures of {document}, 20 each second: {said}"
        );
        assert!(
            metrics.contains("redirects_total{result=\"origin\"}"),
            "{metrics}"
        );
        assert!(
            !metrics.contains("redirects_total{result=\"missing\"}"),
            "{metrics}"
        );
    }
}
