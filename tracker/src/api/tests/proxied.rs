//! Behind a proxy the client's address is what a trusted one says, and nobody else's word counts.

use std::sync::Arc;

use super::rig::Rig;
use crate::registry::Memory;
use crate::testing::{self, announcement};

const CLIENT: &str = "10.1.2.3";

/// Box `n` announces itself, and somebody says that it comes from there.
async fn says(rig: &Rig, n: u8, from: &str) -> (u16, serde_json::Value) {
    let said = announcement(n, rig.now(), "http://0.0.0.0:1").sign(&testing::key(n));
    let url = format!("{}{}", rig.base, wire::announcement::PATH);
    let request = rig.client.post(url).header("x-forwarded-for", from).body(said);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_box_is_where_a_trusted_proxy_says_that_it_comes_from() {
    let rig = Rig::with(Arc::new(Memory::default()), &["--trusted-proxy=127.0.0.0/8"]).await;
    let (_, reply) = says(&rig, 1, &format!("127.0.0.1, {CLIENT}")).await;
    let why = reply["why"].as_str().unwrap();
    assert!(why.contains(CLIENT), "{why}");

    let other = Rig::with(Arc::new(Memory::default()), &["--trusted-proxy=192.0.2.0/24"]).await;
    let (_, reply) = says(&other, 1, CLIENT).await;
    let why = reply["why"].as_str().unwrap();
    assert!(
        !why.contains(CLIENT),
        "nobody is believed who is not trusted: {why}"
    );
}

#[tokio::test]
async fn two_boxes_of_one_address_have_a_place_and_no_third() {
    let rig = Rig::with(Arc::new(Memory::default()), &["--trusted-proxy=127.0.0.1"]).await;
    for n in [1, 2] {
        assert_eq!(says(&rig, n, CLIENT).await.0, 200);
    }
    let (status, refusal) = says(&rig, 3, CLIENT).await;
    assert_eq!(status, 429, "{refusal}");
    assert_eq!(says(&rig, 3, "10.1.2.4").await.0, 200, "another address has");
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_and_nobody_else_is() {
    let flags = ["--trusted-proxy=127.0.0.1", "--requests-per-address=1"];
    let rig = Rig::with(Arc::new(Memory::default()), &flags).await;
    let ask = async |from: &str| {
        let request = rig
            .client
            .get(format!("{}/time", rig.base))
            .header("x-forwarded-for", from);
        request.send().await.unwrap()
    };
    for _ in 0..10 {
        assert_eq!(ask("192.0.2.1").await.status(), 200);
    }
    let refusal = ask("192.0.2.1").await;
    assert_eq!(refusal.status(), 429);
    assert!(refusal.headers().contains_key("retry-after"));
    assert!(refusal.text().await.unwrap().contains("--requests-per-address"));
    assert_eq!(ask("192.0.2.2").await.status(), 200);
    for _ in 0..20 {
        assert_eq!(
            rig.get("/time").await.status(),
            200,
            "nobody counts on the tracker's own machine"
        );
    }
    rig.later(1000);
    assert_eq!(
        ask("192.0.2.1").await.status(),
        200,
        "a second later there is one more"
    );
    assert_eq!(ask("192.0.2.1").await.status(), 429);
}
