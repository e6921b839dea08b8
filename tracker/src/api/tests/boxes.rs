//! What boxes are told.

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect};
use wire::announcement::Announcement;
use wire::tracker_id::TrackerId;

use super::rig::{Rig, proof};
use crate::registry::{Memory, Registry};
use crate::session::SessionKey;
use crate::testing::{self, NOW, RedisServer, box_id};

const HTTP: &str = "http://0.0.0.0:8090";

#[tokio::test]
async fn a_forged_announcement_is_refused_with_its_reason() {
    let rig = Rig::start().await;
    let mut forged = testing::announcement(1, rig.now(), HTTP)
        .sign(&testing::key(1))
        .to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let (status, body) = rig.post(wire::announcement::PATH, forged).await;
    assert_eq!(status, 403);
    assert!(
        body["error"].as_str().unwrap().contains("not signed by"),
        "{body}"
    );
    assert!(body["time"].as_u64().unwrap() >= NOW);
    assert_eq!(rig.boxes().await.as_object().unwrap().len(), 0);

    let (status, _) = rig.announce(2, &testing::announcement(2, rig.now(), HTTP)).await;
    assert_eq!(status, 200, "the witness");
    assert!(rig.boxes().await.get(box_id(2).to_string()).is_some());
}

#[tokio::test]
async fn a_body_that_is_no_announcement_is_refused_with_its_reason() {
    let rig = Rig::start().await;
    for (body, status) in [(vec![], 400), (b"{}".to_vec(), 400), (vec![0; 17 << 10], 413)] {
        let (found, answer) = rig.post(wire::announcement::PATH, body).await;
        assert_eq!(found, status, "{answer}");
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_box_whose_clock_is_wrong_is_told_the_time() {
    let rig = Rig::start().await;
    for (sequence, side) in [(NOW + 2100, "ahead of"), (NOW - 11_000, "behind")] {
        let (status, body) = rig.announce(1, &testing::announcement(1, sequence, HTTP)).await;
        assert_eq!(status, 409);
        assert!(body["error"].as_str().unwrap().contains(side), "{body}");
        assert_eq!(body["time"], NOW);
    }
    let (status, _) = rig.announce(1, &testing::announcement(1, NOW + 1900, HTTP)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_box_hears_what_to_carry_and_whom_to_know() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let near = rig.add_box(1).await;
    let (_, reply) = rig.announce(2, &testing::announcement(2, rig.now(), HTTP)).await;
    assert_eq!(reply["id"], box_id(2).to_string());
    assert_eq!(reply["channels"][0]["name"], "demo");
    assert_eq!(reply["channels"][0]["live"], true);
    assert_eq!(reply["channels"][0]["epoch"], NOW);
    assert_eq!(
        reply["channels"][0]["keys"][0],
        testing::key(101).public().to_string()
    );
    assert_eq!(reply["neighbours"].as_array().unwrap().len(), 1);
    assert_eq!(reply["neighbours"][0]["id"], box_id(1).to_string());
    let p2p = format!("/ip4/127.0.0.1/tcp/{}", near.port);
    assert_eq!(reply["neighbours"][0]["p2p"], p2p);
    assert_eq!(reply["origins"], serde_json::json!(["127.0.0.1", "::1"]));
    assert_eq!(reply["listed"], false);
}

#[tokio::test]
async fn a_box_is_listed_when_it_was_found_where_it_says() {
    let rig = Rig::start().await;
    let at_home = rig.add_box(1).await;
    let reply = rig.says(&at_home).await;
    assert_eq!(reply["listed"], true, "{reply}");
    assert_eq!(reply["why"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_box_is_told_of_each_port_whether_it_was_reached() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let at_home = rig.add_box(1).await;
    let reached = serde_json::json!({"ok": true, "why": null});
    let reach = rig.says(&at_home).await["reach"].clone();
    assert_eq!(
        reach,
        serde_json::json!({"http": reached, "zmq": reached, "p2p": reached})
    );

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let behind_nat = wire::announcement::Announcement {
        zmq_port: port,
        p2p_port: port,
        ..testing::announcement(2, rig.now(), &format!("http://0.0.0.0:{port}"))
    };
    let says = async |sequence| {
        let announcement = wire::announcement::Announcement {
            sequence,
            ..behind_nat.clone()
        };
        rig.announce(2, &announcement).await.1
    };
    assert!(
        says(rig.now()).await["reach"]["zmq"]["why"]
            .as_str()
            .unwrap()
            .contains("yet")
    );
    rig.until(async || {
        let why = says(rig.now()).await["reach"]["zmq"]["why"].clone();
        why.as_str().unwrap().contains("refuses")
    })
    .await;
    let reply = says(rig.now()).await;
    assert_eq!(reply["listed"], false);
    assert_eq!(
        reply["neighbours"][0]["id"],
        box_id(1).to_string(),
        "it dials out"
    );
    let near = rig.says(&at_home).await;
    assert_eq!(
        near["neighbours"],
        serde_json::json!([]),
        "who cannot be reached is not dialled"
    );
    let (_, seeds) = rig.present(101, &testing::presentation(101, rig.now())).await;
    assert_eq!(seeds["seeds"].as_array().unwrap().len(), 1, "{seeds}");
    assert_eq!(seeds["seeds"][0]["id"], box_id(1).to_string());
}

#[tokio::test]
async fn a_box_that_claims_the_address_of_another_is_not_listed() {
    let rig = Rig::start().await;
    let honest = rig.add_box(1).await;
    rig.later(2000);
    let (_, reply) = rig
        .announce(
            2,
            &testing::announcement(2, rig.now(), &format!("http://0.0.0.0:{}", honest.port)),
        )
        .await;
    assert_eq!(reply["listed"], false);
    let why = async || {
        rig.boxes().await[&box_id(2).to_string()]["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    rig.until(async || why().await.contains("gives no proof of this box"))
        .await;
    assert_eq!(
        rig.boxes().await[&box_id(1).to_string()]["listed"],
        true,
        "the honest one stays"
    );
}

#[tokio::test]
async fn a_box_that_names_an_address_that_it_does_not_speak_from_is_not_listed() {
    let rig = Rig::start().await;
    for claimed in ["http://198.51.100.7:80", "http://box.invalid:80"] {
        let (status, _) = rig
            .announce(1, &testing::announcement(1, rig.now(), claimed))
            .await;
        assert_eq!(status, 200);
        let known = async || rig.boxes().await[&box_id(1).to_string()].clone();
        rig.until(async || !known().await["why"].as_str().unwrap().contains("yet"))
            .await;
        let why = known().await["why"].as_str().unwrap().to_owned();
        assert!(why.contains("speaks from"), "{why}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_the_box_is_taken() {
    let rig = Rig::start().await;
    let at_home = rig.honest_box(1).await;
    let named = format!("http://localhost:{}", at_home.port);
    rig.announce(1, &testing::announcement(1, rig.now(), &named))
        .await;
    rig.until(async || rig.boxes().await[&box_id(1).to_string()]["listed"] == true)
        .await;
    assert_eq!(rig.boxes().await[&box_id(1).to_string()]["http"], named);
}

#[tokio::test]
async fn an_answer_that_is_no_proof_lists_nobody() {
    let rig = Rig::start().await;
    let honest = rig.add_box(9).await.port;
    let elsewhere = format!("http://127.0.0.1:{honest}");
    let of_another_key = |nonce: &str, authority: &str| proof(9, nonce, authority);
    let of_another_time = |_: &str, authority: &str| proof(2, &"00".repeat(16), authority);
    let of_another_place = |nonce: &str, _: &str| proof(3, nonce, "box.example");
    let redirect = move |_: &str, _: &str| Redirect::temporary(&elsewhere).into_response();
    let flood = |_: &str, _: &str| vec![0_u8; 1 << 20].into_response();
    let liars = [
        (
            rig.box_answering(1, of_another_key).await,
            "gives no proof of this box",
            "not-the-box",
        ),
        (
            rig.box_answering(2, of_another_time).await,
            "proof of another time",
            "another",
        ),
        (
            rig.box_answering(3, of_another_place).await,
            "proof of another address",
            "another",
        ),
        (rig.box_answering(4, redirect).await, "answers 307", "status"),
        (
            rig.box_answering(5, flood).await,
            "is over the limit of 1024",
            "not-the-box",
        ),
    ];
    for (liar, words, reason) in liars {
        rig.says(&liar).await;
        let known = async || rig.boxes().await[&box_id(liar.n).to_string()].clone();
        let why = async || known().await["why"].as_str().unwrap_or_default().to_owned();
        rig.until(async || !why().await.contains("yet")).await;
        assert!(why().await.contains(words), "{}", why().await);
        assert_eq!(known().await["listed"], false);
        let metrics = rig.get("/metrics").await.text().await.unwrap();
        assert!(
            metrics.contains(&format!("probes_total{{result=\"{reason}\"}}")),
            "{metrics}"
        );
    }
    assert_eq!(
        rig.boxes().await[&box_id(9).to_string()]["listed"],
        true,
        "the witness"
    );
}

#[tokio::test]
async fn a_replayed_announcement_changes_nothing() {
    let rig = Rig::start().await;
    let old = testing::announcement(1, rig.now(), HTTP);
    let mut goodbye = testing::announcement(1, rig.now(), HTTP);
    goodbye.leaving = true;
    rig.announce(1, &old).await;
    assert_eq!(rig.boxes().await.as_object().unwrap().len(), 1);
    rig.announce(1, &goodbye).await;
    let (status, reply) = rig.announce(1, &old).await;
    assert_eq!((status, &reply["listed"]), (200, &false.into()));
    assert_eq!(rig.boxes().await.as_object().unwrap().len(), 0);
}

#[tokio::test]
async fn a_box_that_falls_silent_is_gone_after_ten_seconds() {
    let rig = Rig::start().await;
    rig.announce(1, &testing::announcement(1, rig.now(), HTTP)).await;
    rig.later(9_000);
    rig.announce(2, &testing::announcement(2, rig.now(), HTTP)).await;
    assert_eq!(rig.boxes().await.as_object().unwrap().len(), 2);
    rig.later(2_000);
    rig.until(async || rig.boxes().await.get(box_id(1).to_string()).is_none())
        .await;
    assert!(rig.boxes().await.get(box_id(2).to_string()).is_some());
}

#[tokio::test]
async fn what_a_box_says_to_one_tracker_cannot_be_said_again_to_another() {
    let rig = Rig::start().await;
    let elsewhere = Arc::new(Memory::default());
    elsewhere
        .session_key(SessionKey::from_bytes([9; 32]))
        .await
        .unwrap();
    let other = Rig::with(elsewhere, &[]).await;
    // Whoever speaks for the first time knows no id, and is told it.
    let first = Announcement {
        tracker: TrackerId::default(),
        ..testing::announcement(1, rig.now(), HTTP)
    };
    let (status, told) = rig.announce(1, &first).await;
    assert_eq!(status, 409, "{told}");
    assert!(
        told["error"].as_str().unwrap().contains("another tracker"),
        "{told}"
    );
    let id = told["tracker"].as_str().unwrap().parse().unwrap();
    let next = Announcement {
        tracker: id,
        ..testing::announcement(1, rig.now(), HTTP)
    };
    let words = next.sign(&testing::key(1));
    let (status, heard) = rig.post(wire::announcement::PATH, words.clone()).await;
    assert_eq!(status, 200, "{heard}");
    assert_eq!(rig.boxes().await.as_object().unwrap().len(), 1);

    let (status, refused) = other.post(wire::announcement::PATH, words).await;
    assert_eq!(status, 409, "{refused}");
    assert_ne!(refused["tracker"], told["tracker"]);
    assert_eq!(other.boxes().await.as_object().unwrap().len(), 0);
    // The control: what keeps it out is the id alone.
    let meant = Announcement {
        tracker: refused["tracker"].as_str().unwrap().parse().unwrap(),
        ..next
    };
    assert_eq!(other.announce(1, &meant).await.0, 200);
}

#[tokio::test]
async fn trackers_on_one_redis_have_one_id_after_it_was_emptied_too() {
    let redis = RedisServer::start();
    let id = async |rig: &Rig| rig.json("/readyz").await["tracker"].clone();
    let (one, other) = (Rig::on(&redis).await, Rig::on(&redis).await);
    assert!(id(&one).await.is_string());
    assert_eq!(id(&one).await, id(&other).await);
    redis.run("FLUSHALL").await;
    let before = id(&one).await;
    let later = Rig::on(&redis).await;
    assert_eq!(id(&later).await, before);
    let said = testing::announcement(1, one.now(), HTTP);
    for rig in [&one, &other, &later] {
        assert_eq!(
            rig.announce(1, &said).await.0,
            200,
            "a balancer sends it to any of them"
        );
    }
}
