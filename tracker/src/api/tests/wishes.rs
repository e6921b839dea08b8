//! What boxes ask for: no more viewers, and some channels only.

use wire::announcement::Announcement;

use super::rig::Rig;
use crate::testing::{self, box_id};

const HTTP: &str = "http://0.0.0.0:8090";

#[tokio::test]
async fn a_box_that_asks_for_no_more_viewers_is_told_to_none() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let (full, free) = (rig.add_box(1).await, rig.add_box(2).await);
    let asks = Announcement {
        room: 0,
        ..full.announcement(rig.now())
    };
    assert_eq!(rig.announce(1, &asks).await.0, 200);
    rig.until(async || rig.boxes().await[&box_id(1).to_string()]["room"] == 0)
        .await;
    for _ in 0..10 {
        let manifest = rig.get("/live/demo/manifest.mpd").await.text().await.unwrap();
        assert!(!manifest.contains(&format!(":{}/", full.port)), "{manifest}");
        assert!(manifest.contains(&format!(":{}/", free.port)), "{manifest}");
    }
    assert_eq!(
        rig.boxes().await[&box_id(1).to_string()]["listed"],
        true,
        "it stays in the list"
    );
}

#[tokio::test]
async fn a_box_that_wants_one_channel_is_left_alone_with_others() {
    let rig = Rig::start().await;
    let of = |channel: &str, announcement| Announcement {
        channels: vec![channel.parse().unwrap()],
        carried: Vec::new(),
        ..announcement
    };
    let (choosy, open) = (rig.add_box(1).await, rig.add_box(2).await);
    rig.announce(1, &of("other", choosy.announcement(rig.now())))
        .await;
    rig.announce(2, &open.announcement(rig.now())).await;

    let (_, reply) = rig.present(101, &testing::presentation(101, rig.now())).await;
    assert_eq!(reply["seeds"].as_array().unwrap().len(), 1, "{reply}");
    assert_eq!(reply["seeds"][0]["id"], box_id(2).to_string());

    let demo = of("demo", testing::announcement(3, rig.now(), HTTP));
    let (_, reply) = rig.announce(3, &demo).await;
    let neighbours = reply["neighbours"].as_array().unwrap();
    assert_eq!(neighbours.len(), 1, "{reply}");
    assert_eq!(neighbours[0]["id"], box_id(2).to_string());
}
