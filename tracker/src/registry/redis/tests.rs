//! The registry in a cluster of three real servers.

use std::process::Command;
use std::time::Instant;

use super::super::{Outcome, Registry};
use super::{BOXES, Redis};
use crate::testing::{DEADLINE, NOW, RedisServer, box_id, box_record};

const HTTP: &str = "http://0.0.0.0:8090";

/// Three servers that share all slots.
async fn cluster() -> [RedisServer; 3] {
    let nodes = [(); 3].map(|()| RedisServer::start_node());
    let created = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(nodes.iter().map(|node| node.address().to_string()))
        .arg("--cluster-yes")
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    for node in &nodes {
        let begun = Instant::now();
        while !node
            .ask::<String>("CLUSTER INFO")
            .await
            .unwrap()
            .contains("cluster_state:ok")
        {
            assert!(begun.elapsed() < DEADLINE, "the cluster does not come about");
        }
    }
    nodes
}

/// The node that holds the registry, and those that do not.
async fn holder(nodes: &[RedisServer; 3]) -> (&RedisServer, Vec<&RedisServer>) {
    let question = format!("ZCARD {BOXES}");
    let (mut holders, mut others) = (Vec::new(), Vec::new());
    for node in nodes {
        match node.ask::<u64>(&question).await {
            Ok(_) => holders.push(node),
            Err(error) => {
                assert!(error.redirect_node().is_some(), "{error}");
                others.push(node);
            }
        }
    }
    assert_eq!((holders.len(), others.len()), (1, 2), "two nodes send one on");
    (holders[0], others)
}

fn registry(nodes: &[&RedisServer]) -> Redis {
    let addresses: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
    Redis::new(format!("redis://{}", addresses.join(",")).parse().unwrap())
}

async fn is_there(registry: &Redis, n: u8) -> bool {
    let snapshot = registry.snapshot(NOW).await;
    snapshot.is_ok_and(|snapshot| snapshot.boxes.contains_key(&box_id(n)))
}

#[tokio::test]
async fn the_registry_is_found_in_a_cluster_by_way_of_any_of_its_nodes() {
    let nodes = cluster().await;
    let (_, others) = holder(&nodes).await;
    let trackers: Vec<Redis> = others.iter().map(|node| registry(&[node])).collect();
    assert_eq!(
        trackers[0].announce(box_record(1, NOW, HTTP, "127.0.0.1")).await,
        Ok(Outcome::Accepted)
    );
    assert!(is_there(&trackers[1], 1).await);
    trackers[1].sweep(NOW).await.unwrap();
    assert!(is_there(&trackers[0], 1).await);
}

#[tokio::test]
async fn what_moves_to_another_node_while_trackers_run_is_followed() {
    let nodes = cluster().await;
    let (holder, others) = holder(&nodes).await;
    let tracker = registry(&[holder]);
    let heard = |sequence| box_record(1, sequence, HTTP, "127.0.0.1");
    assert_eq!(tracker.announce(heard(NOW)).await, Ok(Outcome::Accepted));

    let to = others[0].ask::<String>("CLUSTER MYID").await.unwrap();
    let slot: u16 = holder.ask(&format!("CLUSTER KEYSLOT {BOXES}")).await.unwrap();
    // A slot is given away empty; the registry is soft.
    holder.run("FLUSHALL").await;
    for node in [others[0], holder, others[1]] {
        node.run(&format!("CLUSTER SETSLOT {slot} NODE {to}")).await;
    }
    assert_eq!(tracker.announce(heard(NOW + 1)).await, Ok(Outcome::Accepted));
    let there: u64 = others[0].ask(&format!("ZCARD {BOXES}")).await.unwrap();
    assert_eq!(there, 1);
}

#[tokio::test]
async fn of_several_nodes_one_that_does_not_answer_is_passed_over() {
    let mut nodes = cluster().await;
    let gone = {
        let (_, others) = holder(&nodes).await;
        others[0].address()
    };
    let gone = nodes.iter().position(|node| node.address() == gone).unwrap();
    nodes[gone].stop();
    let order = [gone, (gone + 1) % 3, (gone + 2) % 3];
    let tracker = registry(&order.map(|at| &nodes[at]));
    assert!(tracker.snapshot(NOW).await.is_err(), "it was the first");
    let begun = Instant::now();
    while tracker.snapshot(NOW).await.is_err() {
        assert!(begun.elapsed() < DEADLINE);
    }
}
