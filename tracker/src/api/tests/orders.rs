//! Orders of whoever runs the trackers: only with the token, obeyed by all of them, and not forgotten.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::Rig;
use crate::registry::Redis;
use crate::testing::{RedisServer, box_id};

const TOKEN: &str = "a-token-of-the-operator";
const PATH: &str = "/live/demo/manifest.mpd";

struct Trackers {
    redis: RedisServer,
    folder: TempDir,
}

impl Trackers {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let redis = RedisServer::start();
        Self { redis, folder }
    }

    async fn start(&self) -> Rig {
        let registry = Redis::new(self.redis.url().parse().unwrap());
        let token = format!(
            "--admin-token-file={}",
            self.folder.path().join("token").display()
        );
        Rig::with(Arc::new(registry), &[&token]).await
    }
}

async fn order(rig: &Rig, token: &str, method: Method, path: &str, body: Value) -> u16 {
    let request = rig.client.request(method, format!("{}{path}", rig.base));
    let request = request.bearer_auth(token).body(body.to_string());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_ban_is_obeyed_by_all_trackers_outlives_a_flush_and_can_be_lifted() {
    let trackers = Trackers::new();
    let (one, other) = (trackers.start().await, trackers.start().await);
    one.on_air().await;
    one.add_box(1).await;
    let at_home = one.add_box(2).await;
    other
        .until(async || other.boxes().await.as_object().unwrap().len() == 2)
        .await;
    let ban = format!("/api/v1/boxes/{}/ban", box_id(2));

    let why = json!({"why": "it floods"});
    assert_eq!(order(&one, TOKEN, Method::PUT, &ban, why).await, 204);
    let reply = one.says(&at_home).await;
    assert_eq!(reply["listed"], false);
    assert!(reply["why"].as_str().unwrap().contains("it floods"), "{reply}");
    let listed = async |rig: &Rig, n| rig.boxes().await[&box_id(n).to_string()]["listed"] == true;
    other.until(async || !listed(&other, 2).await).await;
    assert!(listed(&other, 1).await, "only that one");
    let watched = one.watch(PATH).await;
    assert!(!watched.locations().contains(&box_id(2).to_string().as_str()));

    trackers.redis.run("FLUSHALL").await;
    let later = trackers.start().await;
    later
        .until(async || {
            let bans = later
                .client
                .get(format!("{}/api/v1/bans", later.base))
                .bearer_auth(TOKEN);
            let bans: Value = bans.send().await.unwrap().json().await.unwrap();
            bans["bans"][0]["why"] == "it floods"
        })
        .await;
    assert_eq!(order(&other, TOKEN, Method::DELETE, &ban, Value::Null).await, 204);
    other.until(async || listed(&other, 2).await).await;
    one.until(async || listed(&one, 2).await).await;
}

#[tokio::test]
async fn a_channel_has_the_title_that_it_was_given() {
    let trackers = Trackers::new();
    let (one, other) = (trackers.start().await, trackers.start().await);
    one.on_air().await;
    let title = json!({"title": "The news at ten"});
    assert_eq!(
        order(&one, TOKEN, Method::PUT, "/api/v1/channels/demo", title).await,
        204
    );
    let shown = async |rig: &Rig| rig.json("/api/v1/channels").await["channels"][0]["title"].clone();
    assert_eq!(shown(&one).await, "The news at ten");
    other
        .until(async || shown(&other).await == "The news at ten")
        .await;
    let none = json!({"title": null});
    assert_eq!(
        order(&one, TOKEN, Method::PUT, "/api/v1/channels/demo", none).await,
        204
    );
    assert_eq!(shown(&one).await, Value::Null);
}

#[tokio::test]
async fn nobody_gives_orders_without_the_token() {
    let trackers = Trackers::new();
    let rig = trackers.start().await;
    let ban = format!("/api/v1/boxes/{}/ban", box_id(1));
    let why = || json!({"why": "x"});
    for token in ["", "a-token-of-the-operato", "a-token-of-the-operatorr"] {
        assert_eq!(
            order(&rig, token, Method::PUT, &ban, why()).await,
            401,
            "{token:?}"
        );
    }
    assert_eq!(rig.get("/api/v1/bans").await.status(), 401);
    for (path, body) in [
        (ban.as_str(), json!({"why": ""})),
        (&ban, json!({"why": "x".repeat(201)})),
        (&ban, json!({"why": "x", "more": 1})),
        ("/api/v1/channels/demo", json!({"title": "a\nb"})),
    ] {
        assert_eq!(order(&rig, TOKEN, Method::PUT, path, body).await, 400);
    }
    assert_eq!(
        order(&rig, TOKEN, Method::PUT, &ban, why()).await,
        204,
        "the witness"
    );

    let without = Rig::start().await;
    assert_eq!(order(&without, TOKEN, Method::PUT, &ban, why()).await, 403);
}
