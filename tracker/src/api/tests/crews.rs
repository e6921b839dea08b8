//! With many channels on air each has boxes of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wire::id::Epoch;
use wire::presentation::Presentation;

use super::rig::{BoxAtHome, Rig};
use crate::testing::{NOW, box_id, presentation};

async fn presents(rig: &Rig, n: usize) {
    let offered = Presentation {
        channel: format!("channel-{n}").parse().unwrap(),
        epoch: Epoch(NOW),
        ..presentation(101, rig.now())
    };
    let (status, reply) = rig.present(101, &offered).await;
    assert_eq!(status, 200, "{reply}");
}

/// The channels that a box is to carry, by the answer to what it said.
fn to_carry(reply: &Value) -> BTreeSet<String> {
    let channels = reply["channels"].as_array().unwrap().iter();
    channels
        .filter(|channel| channel["carry"] == true)
        .map(|channel| channel["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn replies(rig: &Rig, boxes: &[BoxAtHome]) -> BTreeMap<String, Value> {
    let mut replies = BTreeMap::new();
    for at_home in boxes {
        replies.insert(box_id(at_home.n).to_string(), rig.says(at_home).await);
    }
    replies
}

#[tokio::test]
async fn the_fifth_channel_shares_them_out_to_eight_boxes_each_that_know_one_another() {
    let rig = Rig::start().await;
    let mut boxes = Vec::new();
    for n in 1..=24 {
        boxes.push(rig.add_box(n).await);
    }
    for n in 0..4 {
        presents(&rig, n).await;
    }
    for reply in replies(&rig, &boxes).await.values() {
        assert_eq!(to_carry(reply).len(), 4);
    }

    presents(&rig, 4).await;
    let replies = replies(&rig, &boxes).await;
    let mut crews: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (id, reply) in &replies {
        assert_eq!(
            reply["channels"].as_array().unwrap().len(),
            5,
            "it knows them all, to be able to begin at once"
        );
        for channel in to_carry(reply) {
            crews.entry(channel).or_default().insert(id);
        }
    }
    assert_eq!(crews.len(), 5);
    for (channel, crew) in &crews {
        assert_eq!(crew.len(), 8, "{channel}: {crew:?}");
        for id in crew {
            let neighbours = replies[*id]["neighbours"].as_array().unwrap().iter();
            let known = neighbours.filter(|near| crew.contains(near["id"].as_str().unwrap()));
            assert!(known.count() >= 3, "{id} knows too few who carry {channel}");
        }
    }
}
