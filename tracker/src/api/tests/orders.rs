//! Orders of whoever runs the trackers: only with the token, obeyed by all of them, and not forgotten.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::id::Epoch;
use wire::news::{News, Turn};
use wire::presentation::{Presentation, State};

use super::rig::Rig;
use crate::registry::Redis;
use crate::testing::{self, NOW, RedisServer, box_id};

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

#[tokio::test]
async fn a_channel_that_is_taken_down_is_listed_nowhere_and_its_origin_and_boxes_are_told() {
    let trackers = Trackers::new();
    let (one, other) = (trackers.start().await, trackers.start().await);
    one.on_air().await;
    let at_home = one.add_box(1).await;
    let names = async |rig: &Rig| {
        rig.json("/api/v1/channels").await["channels"]
            .as_array()
            .unwrap()
            .len()
    };
    other.until(async || names(&other).await == 1).await;
    let media = format!("/compat/live/demo/{NOW}/v0/1.m4v");
    assert_eq!(one.get(&media).await.status(), 307, "the witness");

    let down = "/api/v1/channels/demo/takedown";
    assert_eq!(
        order(&one, TOKEN, Method::PUT, down, json!({"why": "a court says so"})).await,
        204
    );
    assert_eq!(names(&one).await, 0, "at once");
    for path in [PATH, &media] {
        assert_eq!(one.get(path).await.status(), 410, "{path}");
    }
    other.until(async || names(&other).await == 0).await;

    // Redis forgets, the trackers do not.
    trackers.redis.run("FLUSHALL").await;
    let presented = testing::presentation(101, other.now());
    let (status, reply) = other.present(101, &presented).await;
    assert_eq!(
        (status, &reply["taken_down"]),
        (200, &json!({"channel": true, "epochs": [NOW]}))
    );

    let news = News::takedown("demo".parse().unwrap(), presented.epoch);
    let signed = news.sign(&testing::key(101));
    let obeyed = |sequence| Presentation {
        state: State::Ended,
        documents: vec![],
        takedowns: vec![signed.to_vec().into()],
        ..testing::presentation(101, sequence)
    };
    assert_eq!(other.present(101, &obeyed(other.now())).await.0, 200);
    one.until(async || one.says(&at_home).await["takedowns"] == json!([hex::encode(&signed)]))
        .await;
    let told = one.says(&at_home).await;
    assert_eq!(
        told["channels"][0]["keys"][0],
        testing::key(101).public().to_string()
    );
    let listed = one
        .client
        .get(format!("{}/api/v1/takedowns", one.base))
        .bearer_auth(TOKEN);
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    let down_now = listed["takedowns"].as_array().unwrap();
    assert_eq!(
        (down_now.len(), &down_now[0]["why"]),
        (2, &json!("a court says so")),
        "{listed}"
    );

    // It is allowed again: a later epoch is seen, the one before is not.
    assert_eq!(order(&other, TOKEN, Method::DELETE, down, Value::Null).await, 204);
    let later = |sequence| Presentation {
        epoch: Epoch(NOW + 60_000),
        takedowns: vec![signed.to_vec().into()],
        ..testing::presentation(101, sequence)
    };
    let (_, reply) = other.present(101, &later(other.now())).await;
    assert_eq!(reply["taken_down"], json!({"channel": false, "epochs": [NOW]}));
    one.until(async || names(&one).await == 1).await;
    assert_eq!(one.get(PATH).await.status(), 200);
    assert_eq!(one.get(&media).await.status(), 410);
}

#[tokio::test]
async fn an_epoch_alone_is_taken_down_and_the_next_one_is_seen() {
    let trackers = Trackers::new();
    let rig = trackers.start().await;
    rig.on_air().await;
    let down = format!("/api/v1/channels/demo/epochs/{NOW}/takedown");
    let why = || json!({"why": "x"});
    for (path, token, status) in [
        (down.as_str(), "", 401),
        (&down.replace(&NOW.to_string(), "x"), TOKEN, 400),
        (&down.replace("demo", "De-mo!"), TOKEN, 400),
        (&down, TOKEN, 204),
    ] {
        assert_eq!(
            order(&rig, token, Method::PUT, path, why()).await,
            status,
            "{path}"
        );
    }
    assert_eq!(rig.get("/api/v1/takedowns").await.status(), 401);
    assert_eq!(rig.get(PATH).await.status(), 410);
    let next = Presentation {
        epoch: Epoch(NOW + 1000),
        ..testing::presentation(101, rig.now())
    };
    let (_, reply) = rig.present(101, &next).await;
    assert_eq!(reply["taken_down"], json!({"channel": false, "epochs": [NOW]}));
    assert_eq!(rig.get(PATH).await.status(), 200);
}

#[tokio::test]
async fn takedowns_that_an_origin_did_not_sign_are_not_passed_on() {
    let rig = Rig::start().await;
    rig.on_air().await;
    let demo = || "demo".parse().unwrap();
    let ends = News {
        turn: Turn::Ends,
        ..News::takedown(demo(), Epoch(1))
    };
    for (signed, by) in [
        (News::takedown(demo(), Epoch(1)), 102),
        (News::takedown("other".parse().unwrap(), Epoch(1)), 101),
        (ends, 101),
    ] {
        let offered = Presentation {
            takedowns: vec![signed.sign(&testing::key(by)).to_vec().into()],
            ..testing::presentation(101, rig.now())
        };
        let (status, why) = rig.present(101, &offered).await;
        assert_eq!(status, 400, "{why}");
    }
    let own = News::takedown(demo(), Epoch(1)).sign(&testing::key(101));
    let offered = Presentation {
        takedowns: vec![own.to_vec().into()],
        ..testing::presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &offered).await.0, 200, "the witness");
}
