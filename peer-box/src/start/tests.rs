//! Whole boxes on loopback, before a tracker and an origin that are played by the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use program::folder::FolderError;
use program::lifecycle::{Lifecycle, now_ms};
use reqwest::StatusCode;
use wire::Version;
use wire::announcement::{Announcement, AnnouncementReply, Neighbour, PATH};
use wire::chunk::Chunk;
use wire::feed::{Answer, Hello};
use wire::id::BoxId;
use wire::proof::Proof;

use super::{Running, StartError, start};
use crate::samples::{answer, chunk, demo, init, origin, until};
use crate::settings::{Action, Command};

const PATIENCE: Duration = Duration::from_secs(20);

/// What the played tracker heard, and what it answers.
#[derive(Clone)]
struct Tracker {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Announcement>>>,
    reply: Arc<Mutex<AnnouncementReply>>,
}

impl Tracker {
    async fn at(address: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let origins = vec!["127.0.0.1".parse().unwrap()];
        let tracker = Self {
            address: listener.local_addr().unwrap(),
            heard: Arc::default(),
            reply: Arc::new(Mutex::new(AnnouncementReply {
                origins,
                ..answer(&origin(), vec![])
            })),
        };
        let here = tracker.clone();
        let routes = Router::new().route(PATH, post(move |body: Bytes| async move { here.answer(&body) }));
        let life = Lifecycle::default();
        life.tasks
            .spawn(async move { axum::serve(listener, routes).await });
        tracker
    }

    fn answer(&self, body: &[u8]) -> Json<AnnouncementReply> {
        let announcement = Announcement::open(body).unwrap();
        let mut reply = self.reply.lock().unwrap();
        if !announcement.leaving {
            let neighbour = Neighbour {
                id: announcement.id(),
                key: announcement.key,
                p2p: format!("/ip4/127.0.0.1/tcp/{}", announcement.p2p_port),
            };
            if !reply.neighbours.contains(&neighbour) {
                reply.neighbours.push(neighbour);
            }
        }
        self.heard.lock().unwrap().push(announcement);
        let time = if reply.time > now_ms() + 1_000_000 {
            reply.time
        } else {
            now_ms()
        };
        Json(AnnouncementReply {
            time,
            ..reply.clone()
        })
    }

    fn last_of(&self, id: BoxId) -> Option<Announcement> {
        self.heard
            .lock()
            .unwrap()
            .iter()
            .rev()
            .find(|announcement| announcement.id() == id)
            .cloned()
    }
}

struct Box {
    life: Lifecycle,
    running: Running,
    _folder: tempfile::TempDir,
}

impl Box {
    async fn joins(trackers: &[SocketAddr], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let life = Lifecycle::default();
        let running = launch(folder.path().to_str().unwrap(), trackers, more, &life)
            .await
            .unwrap();
        Self {
            life,
            running,
            _folder: folder,
        }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        reqwest::get(format!("http://{}{path}", self.running.http))
            .await
            .unwrap()
    }

    async fn stops(self) {
        self.life.stop.cancel();
        self.life.tasks.close();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.life.tasks.wait()).await;
        ended.expect("a box stops within 5 s");
    }
}

/// The thread of a feed outlives its test unless it is told to end.
impl Drop for Box {
    fn drop(&mut self) {
        self.life.stop.cancel();
    }
}

async fn launch(
    data_dir: &str,
    trackers: &[SocketAddr],
    more: &str,
    life: &Lifecycle,
) -> Result<Running, StartError> {
    let urls: Vec<String> = trackers
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    let any = "127.0.0.1:0";
    let words = format!(
        "peer-box join {} --http {any} --zmq {any} --p2p {any} --data-dir {data_dir} {more}",
        urls.join(" ")
    );
    let Action::Join(settings) = Command::try_parse_from(words.split_whitespace()).unwrap().action else {
        panic!("it joins")
    };
    start(*settings, life).await
}

/// Plays the origin: pushes these chunks, and hears that each was received.
fn push(to: &Box, chunks: &[Chunk]) {
    tokio::task::block_in_place(|| {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket
            .set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap())
            .unwrap();
        socket.connect(&format!("tcp://{}", to.running.zmq)).unwrap();
        let hear = || Answer::decode(&socket.recv_bytes(0).expect("the box answers")).unwrap();
        let hello = Hello {
            version: Version,
            to: to.running.id,
            time: now_ms(),
        };
        socket.send(hello.sign(&origin()).to_vec(), 0).unwrap();
        assert_eq!(hear(), Answer::Welcome);
        for chunk in chunks {
            let frames = [chunk.seal().bytes(), chunk.bytes()];
            socket
                .send_multipart(frames.map(|frame| frame.to_vec()), 0)
                .unwrap();
            assert_eq!(hear(), Answer::Received(chunk.id().clone()));
        }
    });
}

fn segment(number: u32) -> Vec<Chunk> {
    (0..4)
        .map(|index| chunk(&origin(), &demo(number, index)))
        .collect()
}

fn path(file: &str) -> String {
    format!("/live/demo/{}/v0/{file}", demo(1, 0).epoch)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_origin_pushes_to_one_box_viewers_get_from_another() {
    let tracker = Tracker::at("127.0.0.1:0").await;
    let seed = Box::joins(&[tracker.address], "").await;
    let other = Box::joins(&[tracker.address], "").await;
    until("an announcement", || tracker.last_of(seed.running.id).is_some()).await;
    let pushed = [vec![init(&origin())], segment(1)].concat();
    push(&seed, &pushed);

    let carries = || {
        tracker
            .last_of(other.running.id)
            .is_some_and(|last| !last.carried.is_empty())
    };
    until("the other box carries it", carries).await;
    let from_seed = seed.get(&path("1.m4v")).await;
    let from_other = other.get(&path("1.m4v")).await;
    assert_eq!(from_seed.headers()["etag"], from_other.headers()["etag"]);
    let expected: Vec<u8> = pushed[1..]
        .iter()
        .flat_map(|chunk| chunk.bytes().to_vec())
        .collect();
    assert_eq!(from_other.bytes().await.unwrap(), expected);
    assert_eq!(
        other.get(&path("init.m4v")).await.bytes().await.unwrap(),
        pushed[0].bytes()
    );
    assert_eq!(other.get(&path("9.m4v")).await.status(), StatusCode::NOT_FOUND);

    let metrics = other.get("/metrics").await.text().await.unwrap();
    for line in [
        "boxmesh_box_neighbours 1",
        "boxmesh_box_chunks_accepted_total{from=\"neighbour\"} 5",
        "boxmesh_box_chunks_accepted_total{from=\"origin\"} 0",
        "boxmesh_box_neighbours_banned_total 0",
    ] {
        assert!(
            metrics.contains(&format!("{line}\n")),
            "{line} is not in\n{metrics}"
        );
    }
    seed.stops().await;
    other.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_tells_where_it_is_proves_it_and_says_goodbye() {
    let tracker = Tracker::at("127.0.0.1:0").await;
    let one = Box::joins(&[tracker.address], "").await;
    let Running {
        id, http, zmq, p2p, ..
    } = one.running;
    until("an announcement", || tracker.last_of(id).is_some()).await;
    let told = tracker.last_of(id).unwrap();
    assert_eq!(told.http.to_string(), format!("http://{http}"));
    assert_eq!((told.zmq_port, told.p2p_port), (zmq.port(), p2p.port()));
    assert_eq!(told.load.upload_bits_per_second, 20_000_000);
    assert!(!told.leaving);

    let nonce = "000102030405060708090a0b0c0d0e0f";
    let answer = one.get(&format!("/.well-known/boxmesh/proof/{nonce}")).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let proof = Proof::open(&answer.bytes().await.unwrap(), &told.key).unwrap();
    assert_eq!(hex::encode(proof.nonce), nonce);
    assert_eq!(proof.authority, http.to_string());
    for bad in ["00", "xx0102030405060708090a0b0c0d0e0f", &nonce.repeat(2)] {
        let answer = one.get(&format!("/.well-known/boxmesh/proof/{bad}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(one.get("/healthz").await.text().await.unwrap(), "ok\n");

    one.stops().await;
    let last = tracker.last_of(id).unwrap();
    assert!(last.leaving && last.sequence > told.sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_keeps_to_its_rate_and_sends_viewers_elsewhere_meanwhile() {
    let tracker = Tracker::at("127.0.0.1:0").await;
    let one = Box::joins(&[tracker.address], "--upload 512kbit").await;
    until("an announcement", || tracker.last_of(one.running.id).is_some()).await;
    push(&one, &segment(1));

    let began = Instant::now();
    let first = one.get(&path("1.m4v")).await;
    assert_eq!(first.status(), StatusCode::OK);
    let second = one.get(&path("1.m4v")).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    let bytes = first.bytes().await.unwrap().len();
    assert!(bytes > 64_000, "it takes a second");
    assert!(
        began.elapsed() > Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(one.get(&path("1.m4v")).await.status(), StatusCode::OK);
    assert!(second.headers().contains_key("retry-after"));
    assert_eq!(second.headers()["access-control-allow-origin"], "*");
    assert_eq!(one.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn trackers_that_are_away_are_tried_on_and_keep_nobody_waiting() {
    let away = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let there = Tracker::at("127.0.0.1:0").await;
    let one = Box::joins(&[away, there.address], "").await;
    until("an announcement", || there.last_of(one.running.id).is_some()).await;
    push(&one, &segment(1));

    let back = Tracker::at(&away.to_string()).await;
    until("the other tracker hears of it", || {
        back.last_of(one.running.id)
            .is_some_and(|last| last.carried.len() == 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_goes_by_the_trackers_clock() {
    let tracker = Tracker::at("127.0.0.1:0").await;
    let future = now_ms() + 3_600_000;
    tracker.reply.lock().unwrap().time = future;
    let one = Box::joins(&[tracker.address], "").await;
    until("an announcement by the tracker's clock", || {
        tracker
            .last_of(one.running.id)
            .is_some_and(|last| last.sequence >= future)
    })
    .await;
    tracker.reply.lock().unwrap().time = now_ms();
    let heard = tracker.heard.lock().unwrap().clone();
    assert!(heard.is_sorted_by(|one, next| one.sequence < next.sequence));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tracker_is_told_its_own_time() {
    let ahead = Tracker::at("127.0.0.1:0").await;
    let future = now_ms() + 3_600_000;
    ahead.reply.lock().unwrap().time = future;
    let right = Tracker::at("127.0.0.1:0").await;
    let one = Box::joins(&[ahead.address, right.address], "").await;
    let id = one.running.id;
    until("the clock of the one", || {
        ahead.last_of(id).is_some_and(|last| last.sequence >= future)
    })
    .await;
    let heard = right.heard.lock().unwrap().len();
    until("two more announcements to the other", || {
        right.heard.lock().unwrap().len() >= heard + 2
    })
    .await;
    let last = right.last_of(id).unwrap();
    assert!(last.sequence < future, "{} is an hour ahead", last.sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_folder_is_one_box() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let tracker = [SocketAddr::from(([127, 0, 0, 1], 9))];
    let life = Lifecycle::default();
    let running = launch(path, &tracker, "", &life).await.unwrap();
    let error = launch(path, &tracker, "", &life).await.unwrap_err();
    assert!(
        matches!(error, StartError::Folder(FolderError::InUse(_))),
        "{error}"
    );
    life.stop.cancel();
    drop(running);
}
