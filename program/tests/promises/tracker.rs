//! A tracker that is away costs patience, never the program.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use program::http::{Limits, error, serve};
use program::lifecycle::Lifecycle;
use program::tracker::{Tracker, Unanswered};
use serde_json::{Value, json};

#[tokio::test]
async fn a_tracker_that_is_away_is_tried_at_growing_intervals_and_taken_up_when_it_comes() {
    let address = {
        let free = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        free.local_addr().unwrap()
    };
    let tracker = Tracker::new(format!("http://{address}").parse().unwrap());
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let away = tracker.post::<Value>("/here", Bytes::new()).await.unwrap_err();
        assert!(
            matches!(&away, Unanswered::Unreachable(why) if why.contains("refused")),
            "{away}"
        );
        pauses.push(tracker.pause());
    }
    assert!(pauses.is_sorted() && pauses[0] < Duration::from_secs(1) && pauses[7] == Duration::from_secs(8));

    let lifecycle = Lifecycle::default();
    let routes = Router::new().route(
        "/here",
        post(|body: String| async move { json!({ "heard": body }).to_string() }),
    );
    let listener = program::listen::tcp("http", address).await.unwrap();
    serve(
        listener,
        routes,
        Limits::default(),
        &lifecycle.tasks,
        lifecycle.stop.clone(),
    );

    let heard: Value = tracker.post("/here", Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(heard["heard"], "hello");
    assert!(tracker.pause() < Duration::from_secs(1));
}

#[tokio::test]
async fn what_a_tracker_refuses_comes_with_its_words() {
    let lifecycle = Lifecycle::default();
    let routes = Router::new()
        .route(
            "/no",
            post(|| async { error(StatusCode::FORBIDDEN, "this key is not trusted") }),
        )
        .route("/odd", post(|| async { "not JSON" }))
        .route("/flood", post(|| async { vec![b' '; 2 << 20] }));
    let listener = program::listen::tcp("http", (Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    serve(
        listener,
        routes,
        Limits::default(),
        &lifecycle.tasks,
        lifecycle.stop.clone(),
    );
    let tracker = Tracker::new(url.parse().unwrap());

    let refused = tracker.post::<Value>("/no", Bytes::new()).await.unwrap_err();
    assert_eq!(
        refused,
        Unanswered::Refused {
            status: 403,
            why: "this key is not trusted".into(),
            time: None,
            tracker: None,
        }
    );
    for path in ["/odd", "/flood"] {
        assert!(
            matches!(
                tracker.post::<Value>(path, Bytes::new()).await,
                Err(Unanswered::Unreadable(_))
            ),
            "{path}"
        );
    }
}
