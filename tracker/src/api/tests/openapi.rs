//! The document of `/api/v1` says what there is, all of it, and nothing else: it is held against the routes and their answers.

mod contract;
mod witness;

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::Version;
use wire::announcement::{Announcement, Met};
use wire::id::Epoch;
use wire::news::News;
use wire::presentation::{Presentation, State, TrackSummary, Warning};
use wire::report::Report;

use self::contract::{Answer, Contract};
use self::witness::{TOKEN, Witness, filled};
use super::rig::Rig;
use crate::orders::{About, MOST, Order};
use crate::registry::{Memory, Registry};
use crate::testing::{self, NOW, announcement, box_id, presentation};

const PROXY: &str = "--trusted-proxy=127.0.0.1";
const HTTP: &str = "http://0.0.0.0:8090";

/// A tracker that takes orders.
async fn with_token(folder: &TempDir, registry: Memory) -> Rig {
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let token = format!("--admin-token-file={}", file.display());
    Rig::with(Arc::new(registry), &[&token, PROXY]).await
}

/// A request for each operation of operators.
fn orders(contract: &Contract) -> Vec<(Method, String)> {
    let all = contract.operations().into_iter();
    let orders = all.filter(|operation| contract.takes_token(operation));
    orders
        .map(|(method, path)| (method.to_uppercase().parse().unwrap(), path))
        .collect()
}

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let rig = Rig::start().await;
    let contract = Contract::of(&rig).await;
    let router = format!("{:?}", super::super::routes());
    let paths = router.split('"').filter(|word| word.starts_with("/api/"));
    let paths: BTreeSet<String> = paths.map(str::to_owned).collect();
    let mut answered = BTreeSet::new();
    for path in &paths {
        for method in [
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::DELETE,
            Method::PATCH,
        ] {
            let url = format!("{}{}", rig.base, filled(path));
            let answer = rig.client.request(method.clone(), url).send().await.unwrap();
            if answer.status() != 405 {
                answered.insert((method.as_str().to_lowercase(), path.clone()));
            }
        }
    }
    assert_eq!(contract.operations(), answered);
    assert!(answered.len() > 10, "{answered:?}");
    contract.check_schemas().unwrap();
}

#[tokio::test]
async fn every_answer_is_as_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let rig = with_token(&folder, Memory::default()).await;
    let mut witness = Witness::of(&rig).await;
    everybody_asks(&rig, &mut witness).await;
    boxes_announce(&rig, &mut witness).await;
    origins_present(&rig, &mut witness).await;
    boxes_report(&rig, &mut witness).await;
    operators_order(&rig, &mut witness).await;
    nobody_is_let_in(&mut witness).await;

    // A body that does not come is waited for ten seconds: that is the only answer that is not asked for here.
    let unseen: Vec<_> = witness
        .contract
        .answers()
        .difference(&witness.seen)
        .cloned()
        .collect();
    assert!(unseen.iter().all(|(_, status)| *status == 408), "{unseen:?}");
    assert!(!unseen.is_empty());
}

async fn everybody_asks(rig: &Rig, witness: &mut Witness) {
    let (_, none) = witness.gets(rig, "/api/v1/channels").await;
    assert_eq!(none, json!({"channels": []}), "nothing is on air yet");
    let takedown = News::takedown("demo".parse().unwrap(), Epoch(1)).sign(&testing::key(101));
    let offered = Presentation {
        tracks: vec![TrackSummary {
            track: "a15".parse().unwrap(),
            codecs: "mp4a.40.2".into(),
            bits_per_second: 128_000,
        }],
        poster: 7,
        warnings: vec![Warning {
            code: "no-video".into(),
            text: "There are no pictures.".into(),
        }],
        takedowns: vec![takedown.to_vec().into()],
        seeds: vec![box_id(1)],
        ..presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &offered).await.0, 200);
    let over = Presentation {
        channel: "over".parse().unwrap(),
        state: State::Ended,
        documents: vec![],
        ..presentation(101, rig.now())
    };
    assert_eq!(rig.present(101, &over).await.0, 200);
    let title = json!({"title": "The news at ten"});
    witness
        .orders(rig, Method::PUT, "/api/v1/channels/{channel}", Some(&title))
        .await;
    let (_, channels) = witness.gets(rig, "/api/v1/channels").await;
    assert_eq!(channels["channels"].as_array().unwrap().len(), 2);

    rig.add_box(1).await;
    let unreached = Announcement {
        met: vec![Met {
            id: box_id(1),
            gave: true,
        }],
        ..announcement(2, rig.now(), HTTP)
    };
    assert_eq!(rig.announce(2, &unreached).await.0, 200);
    let (_, boxes) = witness.gets(rig, "/api/v1/boxes").await;
    let listed = |listed: bool| {
        let boxes = boxes["boxes"].as_array().unwrap().iter();
        boxes.filter(|one| one["listed"] == listed).count()
    };
    assert_eq!((listed(true), listed(false)), (1, 1), "{boxes}");
    witness.gets(rig, super::super::openapi::PATH).await;
}

async fn boxes_announce(rig: &Rig, witness: &mut Witness) {
    let path = wire::announcement::PATH;
    let said = |n, at| announcement(n, at, HTTP);
    for n in [2, 3] {
        let words = said(n, rig.now()).sign(&testing::key(n));
        assert_eq!(witness.posts(rig, path, words).await, 200);
    }
    let forged = said(3, rig.now()).sign(&testing::key(4));
    let late = said(3, NOW - 100_000).sign(&testing::key(3));
    let to_another = Announcement {
        tracker: wire::tracker_id::TrackerId::default(),
        ..said(3, rig.now())
    };
    for (body, status) in [
        (vec![1, 2, 3], 400),
        (forged.to_vec(), 403),
        (late.to_vec(), 409),
        (to_another.sign(&testing::key(3)).to_vec(), 409),
        (vec![0; 17 << 10], 413),
    ] {
        assert_eq!(witness.posts(rig, path, body).await, status);
    }
    let mut statuses = vec![];
    for n in 5..=7 {
        let request = rig.client.post(format!("{}{path}", rig.base));
        let request = request.header("x-forwarded-for", "10.1.2.3");
        let request = request.body(said(n, rig.now()).sign(&testing::key(n)));
        statuses.push(witness.asks(request, &Method::POST, path).await.0);
    }
    assert_eq!(statuses, [200, 200, 429], "two have a place at one address");
}

async fn origins_present(rig: &Rig, witness: &mut Witness) {
    let path = wire::presentation::PATH;
    let said = |n, at| presentation(n, at).sign(&testing::key(n)).to_vec();
    for (body, status) in [
        (said(101, rig.now()), 200),
        (vec![], 400),
        (said(102, rig.now()), 403),
        (said(103, rig.now()), 403),
        (said(101, NOW - 100_000), 409),
        (vec![0; 513 << 10], 413),
    ] {
        assert_eq!(witness.posts(rig, path, body).await, status);
    }
}

async fn boxes_report(rig: &Rig, witness: &mut Witness) {
    let path = wire::report::PATH;
    let said = |n, at| {
        let report = Report {
            version: Version,
            key: testing::key(n).public(),
            at,
            accused: box_id(1),
            reason: "forged".into(),
            proof: vec![1, 2, 3],
        };
        report.sign(&testing::key(n)).to_vec()
    };
    for (body, status) in [
        (said(2, rig.now()), 200),
        (said(2, rig.now()), 429),
        (vec![], 400),
        (said(200, rig.now()), 403),
        (said(2, NOW - 100_000), 409),
        (vec![0; 3 << 10], 413),
    ] {
        assert_eq!(witness.posts(rig, path, body).await, status);
    }
}

async fn operators_order(rig: &Rig, witness: &mut Witness) {
    let long = "x".repeat(2000);
    for (method, path) in orders(&witness.contract) {
        let good = if path.ends_with("{channel}") {
            json!({"title": null})
        } else {
            json!({"why": "a court says so"})
        };
        match method {
            Method::GET => assert_eq!(witness.gets(rig, &path).await.0, 200),
            Method::DELETE => assert_eq!(witness.orders(rig, method, &path, None).await, 204),
            _ => {
                assert_eq!(witness.orders(rig, method.clone(), &path, Some(&good)).await, 204);
                for bad in [
                    json!({"why": "", "title": ""}),
                    json!({"why": "a\nb"}),
                    json!({"title": "x".repeat(201)}),
                    json!([good]),
                ] {
                    assert_eq!(witness.orders(rig, method.clone(), &path, Some(&bad)).await, 400);
                }
                let large = json!({"why": long, "title": long});
                assert_eq!(
                    witness.orders(rig, method.clone(), &path, Some(&large)).await,
                    413
                );
            }
        }
    }
    // Paths are in their order: what was banned and taken down first may be allowed again by now.
    let why = json!({"why": "a court says so"});
    for path in ["/api/v1/channels/{channel}/takedown", "/api/v1/boxes/{id}/ban"] {
        assert_eq!(witness.orders(rig, Method::PUT, path, Some(&why)).await, 204);
    }
    let (_, bans) = witness.gets(rig, "/api/v1/bans").await;
    assert_eq!(bans["bans"].as_array().unwrap().len(), 1);
    let (_, takedowns) = witness.gets(rig, "/api/v1/takedowns").await;
    assert_eq!(takedowns["takedowns"][0]["epoch"], Value::Null);
    assert_eq!(takedowns["takedowns"][1]["epoch"], NOW);
    let words = presentation(101, rig.now()).sign(&testing::key(101));
    assert_eq!(
        witness.posts(rig, wire::presentation::PATH, words).await,
        200,
        "its origin is told"
    );

    for (method, path) in orders(&witness.contract) {
        let request = rig
            .client
            .request(method.clone(), format!("{}{}", rig.base, filled(&path)));
        assert_eq!(witness.asks(request, &method, &path).await.0, 401);
        if path.contains('{') {
            let url = format!("{}{}", rig.base, path.replace(['{', '}'], "!"));
            let request = rig.client.request(method.clone(), url).bearer_auth(TOKEN);
            assert_eq!(witness.asks(request, &method, &path).await.0, 400);
        }
    }
}

/// Trackers that take no orders, that have as many as they keep, and that are asked too often.
async fn nobody_is_let_in(witness: &mut Witness) {
    let without = Rig::start().await;
    for (method, path) in orders(&witness.contract) {
        let url = format!("{}{}", without.base, filled(&path));
        let request = without.client.request(method.clone(), url);
        assert_eq!(witness.asks(request, &method, &path).await.0, 403);
    }

    let (folder, full) = (tempfile::tempdir().unwrap(), Memory::default());
    for n in 0..MOST {
        let order = Order { at: 1, words: None };
        let about = About::Channel(format!("c{n}").parse().unwrap());
        full.order(about, order).await.unwrap();
    }
    let full = with_token(&folder, full).await;
    let changes = orders(&witness.contract).into_iter();
    for (method, path) in changes.filter(|(method, _)| *method != Method::GET) {
        let body = if path.ends_with("{channel}") {
            "{}"
        } else {
            r#"{"why": "x"}"#
        };
        let url = format!("{}{}", full.base, filled(&path));
        let request = full.client.request(method.clone(), url).bearer_auth(TOKEN);
        assert_eq!(witness.asks(request.body(body), &method, &path).await.0, 409);
    }

    let flags = [PROXY, "--requests-per-address=1"];
    let busy = Rig::with(Arc::new(Memory::default()), &flags).await;
    let ask = |method: &Method, path: &str| {
        let url = format!("{}{}", busy.base, filled(path));
        let request = busy.client.request(method.clone(), url);
        request.header("x-forwarded-for", "192.0.2.1")
    };
    while ask(&Method::GET, "/time").send().await.unwrap().status() != 429 {}
    for (method, path) in witness.contract.operations() {
        let method: Method = method.to_uppercase().parse().unwrap();
        assert_eq!(witness.asks(ask(&method, &path), &method, &path).await.0, 429);
    }
}

/// The negative control: answers that are other than the document says are told from those that are not.
#[tokio::test]
async fn an_answer_that_was_altered_is_not_as_the_document_says() {
    let rig = Rig::start().await;
    rig.on_air().await;
    rig.add_box(1).await;
    let contract = Contract::of(&rig).await;
    let of = |path: &str| ("get".to_owned(), path.to_owned());
    for (path, list) in [("/api/v1/channels", "channels"), ("/api/v1/boxes", "boxes")] {
        let genuine = Answer::of(rig.get(path).await).await;
        assert_eq!(contract.check(&of(path), &genuine), Ok(()));
        let body: Value = serde_json::from_slice(&genuine.body).unwrap();
        let with = |change: &dyn Fn(&mut Value)| {
            let mut body = body.clone();
            change(&mut body[list][0]);
            let body = serde_json::to_vec(&body).unwrap();
            let headers = genuine.headers.clone();
            contract.check(
                &of(path),
                &Answer {
                    body,
                    headers,
                    status: 200,
                },
            )
        };
        assert_eq!(with(&|_| ()), Ok(()));
        for (name, value) in body[list][0].as_object().unwrap() {
            if name != "since" {
                let without = with(&|one| _ = one.as_object_mut().unwrap().remove(name));
                assert!(without.is_err(), "{path} without {name}");
            }
            let other = if value.is_object() { json!("x") } else { json!({}) };
            assert!(
                with(&|one| one[name] = other.clone()).is_err(),
                "{path} with another {name}"
            );
        }
        let more = with(&|one| one["colour"] = json!("red"));
        assert!(more.unwrap_err().contains("colour"));
        let mut elsewhere = Answer::of(rig.get(path).await).await;
        elsewhere.status = 418;
        assert!(contract.check(&of(path), &elsewhere).is_err());
    }
    let forgetful = contract.text().replace("\"additionalProperties\":false,", "");
    let forgetful = Contract::from_text(&forgetful);
    assert!(forgetful.check_schemas().is_err());
}
