//! The promises of media over HTTP, asked of a real server.

mod conditions;
mod parts;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::conditions::entity_tag;
use super::{Busy, Media, Meter, Promises};
use crate::http::{Limits, Peer, serve};
use crate::store::Store;
use crate::window::samples::{CHUNKS, EPOCH, chunk, demo, poster, segment, video};
use crate::window::{SegmentName, Window};

/// A server, with the store behind it.
struct Server {
    store: Store,
    meter: Meter,
    base: String,
    _stop: DropGuard,
}

impl Server {
    async fn start(shape: impl FnOnce(Media) -> Media) -> Self {
        Self::seen_as(None, shape).await
    }

    /// A server to which every viewer seems to come from `address`.
    async fn seen_as(address: Option<IpAddr>, shape: impl FnOnce(Media) -> Media) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let store = Store::spawn(&tasks, stop.clone(), Window::default());
        let meter = Meter::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let media = shape(Media::new(store.clone(), meter.clone()));
        let routes = match address {
            Some(address) => media.routes().layer(Extension(Peer((address, 1).into()))),
            None => media.routes(),
        };
        serve(listener, routes, Limits::default(), &tasks, stop.clone());
        Self {
            store,
            meter,
            base,
            _stop: stop.drop_guard(),
        }
    }

    /// A server that has all of some segments.
    async fn with(numbers: std::ops::RangeInclusive<u32>) -> Self {
        let server = Self::start(|media| media).await;
        for number in numbers {
            server.insert(&video(number), 0..CHUNKS).await;
        }
        server
    }

    async fn insert(&self, name: &SegmentName, indexes: std::ops::Range<u16>) {
        for index in indexes {
            self.store.insert(chunk(name.chunk(index))).await.unwrap();
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new().request(method, format!("{}{path}", self.base))
    }

    async fn get(&self, file: &str) -> Response {
        self.request(Method::GET, &path(file)).send().await.unwrap()
    }
}

fn path(file: &str) -> String {
    format!("/live/{}/{EPOCH}/v0/{file}", demo())
}

fn bytes_of(number: u32) -> Vec<u8> {
    segment(&video(number))
        .iter()
        .flat_map(|chunk| chunk.bytes().to_vec())
        .collect()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn a_segment_is_its_chunks_one_after_another_and_may_be_cached_for_ever() {
    let server = Server::with(1..=2).await;
    let response = server.get("2.m4v").await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    let tag = text(&headers, header::ETAG);
    assert_eq!(tag, entity_tag(&Sha256::digest(bytes_of(2))));
    assert!(
        tag.len() == 66
            && tag
                .trim_matches('"')
                .bytes()
                .all(|digit| b"0123456789abcdef".contains(&digit))
    );
    assert_eq!(
        text(&headers, header::CACHE_CONTROL),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(text(&headers, header::CONTENT_TYPE), "video/mp4");
    assert_eq!(text(&headers, header::ACCEPT_RANGES), "bytes");
    assert_eq!(text(&headers, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert_eq!(response.bytes().await.unwrap(), bytes_of(2));
    assert_eq!(server.meter.channel_bytes(&demo()), bytes_of(2).len() as u64);
    assert_eq!(server.meter.viewers(), 1);
}

#[tokio::test]
async fn an_init_segment_is_called_init() {
    let server = Server::start(|media| media).await;
    server.insert(&video(0), 0..1).await;
    assert_eq!(
        server.get("init.m4v").await.bytes().await.unwrap(),
        *chunk(video(0).chunk(0)).bytes()
    );
    assert_eq!(server.get("0.m4v").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_here_is_refused_in_words_that_any_page_may_read() {
    let server = Server::with(1..=1).await;
    for (path, words) in [
        (path("1.m4a"), "segments of track v0 end in .m4v"),
        (path("01.m4v"), "counted from 1"),
        (path("7.m4v"), "segment 7 of track v0 is not here"),
        ("/live/nobody/1/v0/1.m4v".into(), "is not here"),
        ("/live/NOBODY/1/v0/1.m4v".into(), "channel name"),
        ("/live/nobody".into(), "nothing at this path"),
    ] {
        let response = server.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(text(response.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        let error = response.json::<serde_json::Value>().await.unwrap()["error"].to_string();
        assert!(error.contains(words), "{path}: {error}");
    }
    let posted = server.request(Method::POST, &path("1.m4v")).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    let asked = server
        .request(Method::OPTIONS, &path("1.m4v"))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert!(text(asked.headers(), header::ACCESS_CONTROL_ALLOW_HEADERS).contains("Range"));
}

#[tokio::test]
async fn a_segment_in_the_making_is_sent_chunk_by_chunk() {
    let server = Server::with(1..=1).await;
    server.insert(&video(2), 0..1).await;
    let mut response = server.get("2.m4v").await;
    assert!(
        !response.headers().contains_key(header::ETAG),
        "its hash is not known yet"
    );
    assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
    for index in 0..CHUNKS {
        // Each is on its way before the next exists.
        let frame = read(&mut response, chunk(video(2).chunk(index)).bytes().len()).await;
        assert_eq!(frame, *chunk(video(2).chunk(index)).bytes());
        server.insert(&video(2), index + 1..(index + 2).min(CHUNKS)).await;
    }
    assert_eq!(response.chunk().await.unwrap(), None, "the last chunk ends it");
    assert_eq!(server.meter.bytes(), bytes_of(2).len() as u64);
}

async fn read(response: &mut Response, bytes: usize) -> Bytes {
    let mut read = Vec::new();
    while read.len() < bytes {
        read.extend_from_slice(&response.chunk().await.unwrap().expect("more is to come"));
    }
    read.into()
}

#[tokio::test]
async fn a_segment_that_stops_arriving_does_not_pass_for_whole() {
    let server = Server::start(|media| media.patient_for(Duration::from_millis(50))).await;
    server.insert(&video(1), 0..2).await;
    let response = server.get("1.m4v").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.bytes().await.is_err(), "the connection was cut");
}

#[tokio::test]
async fn who_asks_a_little_early_is_held_until_the_segment_begins() {
    let server = Server::with(1..=1).await;
    let (response, ()) = tokio::join!(server.get("2.m4v"), async {
        // Answered from the same store after the request was: it is being held by then, or not yet there.
        assert_eq!(server.get("3.m4v").await.status(), StatusCode::NOT_FOUND);
        server.insert(&video(2), 0..CHUNKS).await;
    });
    assert_eq!(response.bytes().await.unwrap(), bytes_of(2));
}

#[tokio::test]
async fn who_asks_early_and_in_vain_is_held_for_a_second_and_then_told() {
    let server = Server::with(1..=1).await;
    let asked = Instant::now();
    assert_eq!(server.get("2.m4v").await.status(), StatusCode::NOT_FOUND);
    assert!(asked.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_a_neighbour_promised_is_waited_for() {
    let promises: Promises = Arc::new(|name| {
        let is_promised = name.number == 5;
        Box::pin(async move { Duration::from_secs(if is_promised { 10 } else { 0 }) })
    });
    let server = Server::start(|media| media.waiting(promises)).await;
    assert_eq!(server.get("4.m4v").await.status(), StatusCode::NOT_FOUND);
    let fifth = video(5);
    let (response, ()) = tokio::join!(server.get("5.m4v"), server.insert(&fifth, 0..CHUNKS));
    assert_eq!(response.bytes().await.unwrap(), bytes_of(5));
}

#[tokio::test]
async fn who_is_turned_away_hears_when_to_come_again() {
    let door = |_: &SegmentName| {
        Err(Busy {
            retry_after: Duration::from_millis(2500),
        })
    };
    let server = Server::start(|media| media.behind(Arc::new(door))).await;
    server.insert(&video(1), 0..CHUNKS).await;
    let response = server.get("1.m4v").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(response.headers(), header::RETRY_AFTER), "3");
    assert_eq!(text(response.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
}

#[tokio::test]
async fn who_asks_too_often_for_what_is_not_there_is_slowed_down_and_still_served() {
    let server = Server::seen_as(Some([192, 0, 2, 1].into()), |media| media).await;
    server.insert(&video(1), 0..CHUNKS).await;
    let client = reqwest::Client::new();
    let ask = |file: &str| client.get(format!("{}{}", server.base, path(file))).send();
    let mut in_vain = 0;
    let slowed = loop {
        let asked = Instant::now();
        let response = ask("99.m4v").await.unwrap();
        if response.status() != StatusCode::NOT_FOUND {
            assert!(asked.elapsed() >= Duration::from_secs(1));
            break response;
        }
        in_vain += 1;
        assert!(in_vain < 10_000, "nobody stops it");
    };
    assert!(in_vain >= 100, "a household may start its players: {in_vain}");
    assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(text(slowed.headers(), header::RETRY_AFTER), "1");
    assert_eq!(ask("1.m4v").await.unwrap().bytes().await.unwrap(), bytes_of(1));

    let behind_a_proxy = Server::with(1..=1).await;
    for _ in 0..200 {
        let response = client.get(format!("{}{}", behind_a_proxy.base, path("99.m4v")));
        assert_eq!(response.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}
