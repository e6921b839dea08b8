//! What becomes of a box's word about another.

use wire::Version;
use wire::chunk::ChunkRecord;
use wire::id::{ChunkId, Epoch, TrackId};
use wire::report::{PATH, Report};
use wire::seal::sign;

use super::rig::Rig;
use crate::testing::{self, NOW, box_id};

const HTTP: &str = "http://0.0.0.0:8090";

/// A seal of a chunk of `demo` by key `signer`.
fn seal_by(signer: u8) -> Vec<u8> {
    let record = ChunkRecord {
        id: ChunkId {
            channel: "demo".parse().unwrap(),
            epoch: Epoch(NOW),
            track: TrackId::VIDEO,
            segment: 1,
            index: 0,
        },
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
            accused: box_id(9),
            reason: "forged".into(),
            proof,
        };
        self.post(PATH, report.sign(&testing::key(n))).await.0
    }

    async fn has_counted(&self, result: &str) -> bool {
        let page = self.get("/metrics").await.text().await.unwrap();
        page.contains(&format!("reports_total{{result=\"{result}\"}} 1\n"))
    }
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
        assert!(rig.has_counted(result).await, "{result}");
    }
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let rig = Rig::start().await;
    for (body, status) in [(vec![], 400), (vec![0; 3 << 10], 413)] {
        assert_eq!(rig.post(PATH, body).await.0, status);
    }
}
