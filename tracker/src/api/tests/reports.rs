//! What becomes of a box's word about another.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use program::http::{Limits, serve};
use tokio::net::TcpListener;
use wire::Version;
use wire::announcement::Announcement;
use wire::chunk::{Chunk, ChunkRecord, Facts};
use wire::id::{ChunkId, Epoch, TrackId};
use wire::presentation::{Presentation, TrackSummary};
use wire::proof::PATH as PROOF;
use wire::report::{PATH, Report};
use wire::seal::sign;

use super::rig::{BoxAtHome, Rig, proof};
use crate::testing::{self, NOW, box_id};

const HTTP: &str = "http://0.0.0.0:8090";

/// The box that is reported.
const ACCUSED: u8 = 9;

fn first_chunk() -> ChunkId {
    ChunkId {
        channel: "demo".parse().unwrap(),
        epoch: Epoch(NOW),
        track: TrackId::VIDEO,
        segment: 1,
        index: 0,
    }
}

/// A seal of a chunk of `demo` by key `signer`.
fn seal_by(signer: u8) -> Vec<u8> {
    let record = ChunkRecord {
        id: first_chunk(),
        last: false,
        time: 0,
        duration: 200,
        timescale: 1000,
        size: 1000,
        sha256: [0; 32],
    };
    sign(&testing::key(signer), &record).to_vec()
}

impl Rig {
    async fn reports(&self, n: u8, proof: Vec<u8>) -> u16 {
        let report = Report {
            version: Version,
            key: testing::key(n).public(),
            at: self.now(),
            accused: box_id(ACCUSED),
            reason: "forged".into(),
            proof,
        };
        self.post(PATH, report.sign(&testing::key(n))).await.0
    }

    async fn has_counted(&self, what: &str, result: &str) -> bool {
        let page = self.get("/metrics").await.text().await.unwrap();
        page.contains(&format!("{what}_total{{result=\"{result}\"}} 1\n"))
    }

    /// Box `n` announces itself from an address of its own, and reports.
    async fn reports_from(&self, n: u8, address: &str) {
        let here: IpAddr = address.parse().unwrap();
        let client = reqwest::Client::builder().no_proxy().local_address(here);
        let word = testing::announcement(n, self.now(), HTTP).sign(&testing::key(n));
        let url = format!("{}{}", self.base, wire::announcement::PATH);
        let answer = client.build().unwrap().post(url).body(word).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(self.reports(n, seal_by(66)).await, 200);
    }

    /// The channel is on air, and a box that gives viewers these bytes is listed.
    async fn with_accused(&self, bytes: Bytes) -> BoxAtHome {
        let presentation = Presentation {
            tracks: vec![TrackSummary {
                track: TrackId::VIDEO,
                codecs: "avc1.64001f".into(),
                bits_per_second: 1_000_000,
            }],
            ..testing::presentation(101, self.now())
        };
        assert_eq!(self.present(101, &presentation).await.0, 200);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let prove = get(|Path(nonce): Path<String>, headers: HeaderMap| async move {
            proof(ACCUSED, &nonce, headers["host"].to_str().unwrap())
        });
        let give = get(|| async move { bytes.into_response() });
        let routes = Router::new()
            .route(&format!("{PROOF}{{nonce}}"), prove)
            .route(&format!("/live/demo/{NOW}/v0/1.0.m4v"), give);
        let (tasks, stop) = (&self.lifecycle().tasks, self.lifecycle().stop.clone());
        serve(listener, routes, Limits::default(), tasks, stop);
        let accused = BoxAtHome { n: ACCUSED, port };
        self.says(&accused).await;
        self.until(async || self.is_listed().await).await;
        accused
    }

    async fn is_listed(&self) -> bool {
        self.boxes().await[box_id(ACCUSED).to_string()]["listed"] == true
    }

    /// Whom a box is told to connect to.
    async fn names(&self, n: u8, to: &Announcement) -> Vec<String> {
        let (status, reply) = self.announce(n, to).await;
        assert_eq!(status, 200, "{reply}");
        let neighbours = reply["neighbours"].as_array().unwrap().iter();
        neighbours
            .map(|neighbour| neighbour["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// What box 9 has to give: the first chunk of the channel, sealed by that key.
fn chunk_by(signer: u8) -> Bytes {
    let mp4_box = |kind: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(8 + body.len()).unwrap();
        [&size.to_be_bytes(), &kind[..], body].concat()
    };
    let facts = Facts {
        id: first_chunk(),
        last: false,
        time: 0,
        duration: 250,
        timescale: 1000,
    };
    let media = [mp4_box(b"moof", &[]), mp4_box(b"mdat", &[7; 100])].concat();
    let sealed = Chunk::sealed(&testing::key(signer), facts, &mp4_box(b"styp", &[]), &media);
    sealed.unwrap().bytes().clone()
}

#[tokio::test]
async fn a_report_counts_when_a_known_box_shows_what_no_origin_sealed() {
    let rig = Rig::start().await;
    rig.on_air().await;
    assert_eq!(rig.reports(1, seal_by(66)).await, 403, "nobody knows it");
    rig.announce(1, &testing::announcement(1, rig.now(), HTTP)).await;

    assert_eq!(rig.reports(1, seal_by(66)).await, 200);
    assert_eq!(rig.reports(1, seal_by(66)).await, 429, "not again so soon");
    rig.later(2000);
    assert_eq!(rig.reports(1, seal_by(101)).await, 400, "the origin sealed this");
    for result in ["stranger", "accepted", "too-often", "unfounded"] {
        assert!(rig.has_counted("reports", result).await, "{result}");
    }
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let rig = Rig::start().await;
    for (body, status) in [(vec![], 400), (vec![0; 3 << 10], 413)] {
        assert_eq!(rig.post(PATH, body).await.0, status);
    }
}

#[tokio::test]
async fn a_box_that_three_networks_report_is_left_out_for_a_while() {
    let rig = Rig::start().await;
    let accused = rig.with_accused(chunk_by(101)).await;
    let other = testing::announcement(4, rig.now(), HTTP);
    let id = box_id(ACCUSED).to_string();
    assert!(rig.names(4, &other).await.contains(&id));

    rig.reports_from(1, "127.0.0.1").await;
    rig.reports_from(2, "127.0.0.1").await;
    rig.reports_from(3, "127.0.0.2").await;
    assert!(rig.is_listed().await, "these were three boxes in two places");
    rig.reports_from(5, "127.0.0.3").await;

    let shown = rig.boxes().await[&id].clone();
    assert_eq!(shown["listed"], false);
    assert!(shown["why"].as_str().unwrap().contains("left out"), "{shown}");
    let other = testing::announcement(4, rig.now(), HTTP);
    assert!(!rig.names(4, &other).await.contains(&id));
    let own = accused.announcement(rig.now());
    assert!(rig.names(ACCUSED, &own).await.is_empty());

    rig.later(30_000);
    rig.says(&accused).await;
    assert!(rig.is_listed().await, "its time is over");
}

#[tokio::test]
async fn one_report_is_enough_when_the_tracker_finds_the_same() {
    let rig = Rig::start().await;
    rig.with_accused(chunk_by(66)).await;
    assert!(rig.is_listed().await, "nobody said anything");
    rig.reports_from(1, "127.0.0.1").await;
    rig.until(async || !rig.is_listed().await).await;
    assert!(rig.has_counted("looks", "bad").await);
}

#[tokio::test]
async fn an_honest_box_is_none_the_worse_for_one_report() {
    let rig = Rig::start().await;
    rig.with_accused(chunk_by(101)).await;
    rig.reports_from(1, "127.0.0.1").await;
    rig.until(async || rig.has_counted("looks", "sound").await).await;
    assert!(rig.is_listed().await);
}
