//! An operator's own program decides on publishers, and hears when they leave.

use axum::extract::Json;
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::Url;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::encoder::{Encoder, KEY};
use super::log::Log;
use super::origin::{Caller, Origin, soon};
use super::sockets::rest;
use crate::ingest::{Hook, WhenAway};

/// What the hook hears.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heard {
    event: String,
    channel: String,
    address: String,
    id: String,
}

/// A hook that gives the same answer to everything, and what it hears.
async fn hook(status: StatusCode, body: &'static str) -> (Url, mpsc::UnboundedReceiver<Heard>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=hush", listener.local_addr().unwrap());
    let answer = async move |Json(notice): Json<Heard>| {
        // The test may have heard enough.
        let _ = sender.send(notice);
        (status, body)
    };
    let routes = axum::Router::new().route("/hook", post(answer));
    // It ends with the test's runtime.
    TaskTracker::new().spawn(async move { axum::serve(listener, routes).await });
    (url.parse().unwrap(), heard)
}

async fn origin_with(url: Url, when_away: WhenAway) -> Origin {
    Origin::open_with(|entrance, tasks, stop| {
        entrance.hook = Some(Hook::spawn(url, when_away, tasks, stop.clone()).unwrap());
    })
    .await
}

/// A port at which nobody answers.
async fn nobody() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=hush", listener.local_addr().unwrap());
    url.parse().unwrap()
}

#[tokio::test]
async fn the_hook_hears_of_a_publisher_and_of_its_end_under_one_id() {
    let (url, mut heard) = hook(StatusCode::NO_CONTENT, "").await;
    let mut origin = origin_with(url, WhenAway::Closed).await;
    let (caller, mut publisher) = origin.publish().await;
    let publish = soon("a publish", heard.recv()).await.unwrap();
    assert_eq!(
        (&*publish.event, &*publish.channel, &*publish.address),
        ("publish", "demo", "127.0.0.1")
    );
    drop(caller);
    rest(&mut publisher).await;
    let unpublish = soon("an unpublish", heard.recv()).await.unwrap();
    assert_eq!((&*unpublish.event, &unpublish.id), ("unpublish", &publish.id));

    // One that is there to the origin's end is told of too.
    let (_caller, _publisher) = origin.publish().await;
    let publish = soon("a publish", heard.recv()).await.unwrap();
    assert_ne!(publish.id, unpublish.id);
    origin.finish().await;
    let unpublish = soon("an unpublish", heard.recv()).await.unwrap();
    assert_eq!(unpublish.id, publish.id);
}

#[tokio::test]
async fn whom_the_hook_refuses_is_shown_its_reason_and_leaves_the_channel_free() {
    let log = Log::capture();
    let (url, mut heard) = hook(StatusCode::FORBIDDEN, "your plan has ended\u{7}\nmore").await;
    let origin = origin_with(url, WhenAway::Open).await;
    for _ in 0..2 {
        let mut caller = Caller::call(origin.address, Encoder::publisher(KEY)).await;
        let (code, description) = caller.refused().await.unwrap();
        assert_eq!(code, "NetStream.Publish.Rejected");
        assert_eq!(description, "the stream was refused: your plan has ended");
        assert_eq!(soon("a publish", heard.recv()).await.unwrap().event, "publish");
    }
    let mut wrong = Caller::call(origin.address, Encoder::publisher("a-wrong-key")).await;
    wrong.refused().await.unwrap();
    origin.finish().await;
    assert!(
        heard.try_recv().is_err(),
        "a wrong key is none of its business, and who was not let in does not leave"
    );
    assert!(!log.all().contains(KEY));
}

#[tokio::test]
async fn a_hook_that_is_away_lets_in_whom_its_operator_wants_let_in() {
    for (when_away, admitted) in [(WhenAway::Closed, false), (WhenAway::Open, true)] {
        let log = Log::capture();
        let mut origin = origin_with(nobody().await, when_away).await;
        if admitted {
            origin.publish().await;
        } else {
            let mut caller = Caller::call(origin.address, Encoder::publisher(KEY)).await;
            let (code, description) = caller.refused().await.unwrap();
            assert_eq!(code, "NetStream.Publish.Rejected");
            assert_eq!(
                description,
                "the publish hook gave no answer, without which nobody may publish"
            );
        }
        origin.finish().await;
        let events = log.events().join("\n");
        assert!(events.contains("the publish hook gave no answer"), "{events}");
        assert!(
            !events.contains("hush"),
            "secrets of the URL are not told: {events}"
        );
    }
}

#[tokio::test]
async fn a_hook_that_fails_is_away() {
    let (url, _heard) = hook(StatusCode::INTERNAL_SERVER_ERROR, "no database").await;
    let origin = origin_with(url, WhenAway::Closed).await;
    let mut caller = Caller::call(origin.address, Encoder::publisher(KEY)).await;
    let (_, description) = caller.refused().await.unwrap();
    assert!(description.contains("no answer"), "{description}");
    origin.finish().await;
}
