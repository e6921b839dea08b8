//! A tracker, and boxes just real enough to be proved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Parser;
use program::http::{Limits, serve, serve_answers};
use program::lifecycle::Lifecycle;
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use wire::announcement::Announcement;
use wire::presentation::Presentation;
use wire::proof::{self, Proof};

use crate::Settings;
use crate::api::Front;
use crate::clock::Clock;
use crate::geography::Geography;
use crate::registry::{Memory, Redis, Registry};
use crate::start::assemble;
use crate::testing::{self, DEADLINE, NOW, RedisServer, box_id};
use crate::token::Token;

/// A tracker that serves, with a clock that the test turns. It ends when this is dropped.
pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) base: String,
    lifecycle: Lifecycle,
    hands: Arc<AtomicU64>,
}

impl Rig {
    /// A tracker alone, that trusts the origins with keys 101 and 102.
    pub(super) async fn start() -> Self {
        Self::with(Arc::new(Memory::default()), &[]).await
    }

    /// A tracker with others, on that Redis.
    pub(super) async fn on(redis: &RedisServer) -> Self {
        Self::with(Arc::new(Redis::new(redis.url().parse().unwrap())), &[]).await
    }

    pub(super) async fn with(registry: Arc<dyn Registry>, flags: &[&str]) -> Self {
        let trusted = [101, 102].map(|n| format!("--trust-origin={}", testing::key(n).public()));
        let flags = flags.iter().map(ToString::to_string);
        let settings = Settings::parse_from(["tracker".into()].into_iter().chain(trusted).chain(flags));
        let token = settings
            .admin_token_file
            .as_deref()
            .map(|path| Token::read(path).unwrap());
        // The first key that is offered is that of all trackers. Where the registry is away, each has its own.
        let _ = registry.session_key(testing::SESSION_KEY).await;
        let (lifecycle, hands) = (Lifecycle::default(), Arc::new(AtomicU64::new(NOW)));
        let app = assemble(
            settings,
            Geography::default(),
            token,
            registry,
            Clock::turned_by(hands.clone()),
            &lifecycle,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        serve_answers(
            listener,
            Front::new(app),
            Limits::default(),
            &lifecycle.tasks,
            lifecycle.stop.clone(),
        );
        let rig = Self {
            client: Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base,
            lifecycle,
            hands,
        };
        rig.until(async || rig.get("/readyz").await.status().is_success())
            .await;
        rig
    }

    /// Ends with the tracker.
    pub(super) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// The time, a millisecond later than it was.
    pub(super) fn now(&self) -> u64 {
        self.hands.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn later(&self, millis: u64) {
        self.hands.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    /// As a browser asks for a page.
    pub(super) async fn as_a_person(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.base));
        let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        request
            .header(reqwest::header::ACCEPT, accept)
            .send()
            .await
            .unwrap()
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.base)).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(super) async fn announce(&self, n: u8, announcement: &Announcement) -> (u16, Value) {
        self.post(wire::announcement::PATH, announcement.sign(&testing::key(n)))
            .await
    }

    pub(super) async fn present(&self, n: u8, presentation: &Presentation) -> (u16, Value) {
        self.post(wire::presentation::PATH, presentation.sign(&testing::key(n)))
            .await
    }

    /// The channel `demo` is on air, from the trusted origin 101.
    pub(super) async fn on_air(&self) {
        let (status, reply) = self.present(101, &testing::presentation(101, self.now())).await;
        assert_eq!(status, 200, "{reply}");
    }

    /// A box that answers for itself; it says so, and returns when it is listed.
    pub(super) async fn add_box(&self, n: u8) -> BoxAtHome {
        let at_home = self.honest_box(n).await;
        self.says(&at_home).await;
        self.until(async || self.boxes().await[&box_id(n).to_string()]["listed"] == true)
            .await;
        at_home
    }

    /// A box that answers for itself; it has not spoken yet.
    pub(super) async fn honest_box(&self, n: u8) -> BoxAtHome {
        let answer = move |nonce: &str, authority: &str| proof(n, nonce, authority);
        self.box_answering(n, answer).await
    }

    /// A box that answers so; it has not spoken yet.
    pub(super) async fn box_answering(&self, n: u8, answer: impl Answer) -> BoxAtHome {
        BoxAtHome::start(n, answer, &self.lifecycle).await
    }

    pub(super) async fn says(&self, at_home: &BoxAtHome) -> Value {
        let (status, reply) = self.announce(at_home.n, &at_home.announcement(self.now())).await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    /// The boxes by id.
    pub(super) async fn boxes(&self) -> Value {
        let listed = self.json("/api/v1/boxes").await;
        let boxes = listed["boxes"].as_array().unwrap().iter();
        boxes
            .map(|known| (known["id"].as_str().unwrap().to_owned(), known.clone()))
            .collect()
    }

    /// How many requests are held.
    pub(super) async fn held(&self) -> u64 {
        let metrics = self.get("/metrics").await.text().await.unwrap();
        let line = metrics
            .lines()
            .find(|line| line.starts_with("boxmesh_tracker_requests_held "));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// A manifest and what is in it.
    pub(super) async fn watch(&self, path: &str) -> Manifest {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200);
        Manifest(response.text().await.unwrap())
    }

    pub(super) async fn until(&self, mut condition: impl AsyncFnMut() -> bool) {
        let waiting = async {
            let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
            while !condition().await {
                looks.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting)
            .await
            .expect("it should have happened by now");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.lifecycle.stop.cancel();
    }
}

/// A box as far as the tracker looks at one.
pub(super) struct BoxAtHome {
    pub(super) n: u8,
    pub(super) port: u16,
}

impl BoxAtHome {
    async fn start(n: u8, answer: impl Answer, lifecycle: &Lifecycle) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let prove = get(move |Path(nonce): Path<String>, headers: HeaderMap| async move {
            answer(&nonce, headers["host"].to_str().unwrap())
        });
        let routes = Router::new().route(&format!("{}{{nonce}}", proof::PATH), prove);
        let (tasks, stop) = (&lifecycle.tasks, lifecycle.stop.clone());
        serve(listener, routes, Limits::default(), tasks, stop);
        Self { n, port }
    }

    pub(super) fn announcement(&self, sequence: u64) -> Announcement {
        let http = format!("http://0.0.0.0:{}", self.port);
        Announcement {
            zmq_port: self.port,
            p2p_port: self.port,
            ..testing::announcement(self.n, sequence, &http)
        }
    }
}

/// What a box answers to a nonce and an authority.
pub(super) trait Answer: Fn(&str, &str) -> Response + Clone + Send + Sync + 'static {}

impl<F: Fn(&str, &str) -> Response + Clone + Send + Sync + 'static> Answer for F {}

/// The proof that the box with key `n` would give.
pub(super) fn proof(n: u8, nonce: &str, authority: &str) -> Response {
    let mut bytes = [0; proof::NONCE_BYTES];
    hex::decode_to_slice(nonce, &mut bytes).unwrap();
    let proof = Proof {
        version: wire::Version,
        nonce: bytes,
        authority: authority.into(),
    };
    proof.sign(&testing::key(n)).into_response()
}

/// A manifest that a viewer got.
pub(super) struct Manifest(pub(super) String);

impl Manifest {
    /// What the players would call the places, in order.
    pub(super) fn locations(&self) -> Vec<&str> {
        self.all("serviceLocation=\"", "\"")
    }

    pub(super) fn bases(&self) -> Vec<&str> {
        let bases = self.all("<BaseURL", "</BaseURL>").into_iter();
        bases.filter_map(|base| Some(base.split_once('>')?.1)).collect()
    }

    /// The path and query of the next manifest.
    pub(super) fn next(&self) -> String {
        let location = self.all("<Location>", "</Location>")[0].replace("&amp;", "&");
        location
            .find("/live/")
            .map(|at| location[at..].to_owned())
            .unwrap()
    }

    fn all(&self, start: &str, end: &str) -> Vec<&str> {
        self.0
            .split(start)
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(end)?.0))
            .collect()
    }
}
