//! An origin's DEALER before a box's ROUTER, over real sockets.

use std::time::{Duration, Instant};

use bytes::Bytes;
use program::lifecycle::{Lifecycle, now_ms};
use program::store::Store;
use program::window::{Limits, Window};
use tokio::sync::mpsc;
use wire::Version;
use wire::chunk::Chunk;
use wire::feed::{Answer, Hello, NEWS};
use wire::id::BoxId;
use wire::key::SecretKey;
use wire::news::{News, Turn};

use super::{Bound, Surroundings};
use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::Desk;
use crate::nudge::{Nudge, Nudged};
use crate::samples::{answer, chunk, demo, init, origin, poster, secret};

const PATIENCE: Duration = Duration::from_secs(20);

struct Seed {
    life: Lifecycle,
    port: u16,
    store: Store,
    desk: Desk,
    counts: Counts,
    nudged: Nudged,
    told: mpsc::Receiver<Bytes>,
}

impl Seed {
    /// A box that no tracker has told anything.
    fn alone() -> Self {
        let life = Lifecycle::default();
        let store = Store::spawn(&life.tasks, life.stop.clone(), Window::new(Limits::default()));
        let (desk, news) = Desk::new();
        let (nudge, nudged) = Nudge::new();
        let counts = Counts::default();
        let bound = Bound::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = bound.address().port();
        let (tell, told) = mpsc::channel(4);
        let around = Surroundings {
            me: me(),
            store: store.clone(),
            news,
            clock: Clock::default(),
            nudge,
            counts: counts.clone(),
            tell,
        };
        bound.spawn(around, &life);
        Self {
            life,
            port,
            store,
            desk,
            counts,
            nudged,
            told,
        }
    }

    /// A box that knows channel `demo`, whose origin is at these addresses.
    fn of_demo(origins: &[&str]) -> Self {
        let seed = Self::alone();
        seed.hears_of_demo(origins);
        seed
    }

    fn hears_of_demo(&self, origins: &[&str]) {
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        self.desk.take(
            0,
            Instant::now(),
            wire::announcement::AnnouncementReply {
                origins,
                ..answer(&origin(), vec![])
            },
        );
    }

    fn dealer(&self, from: &str) -> Dealer {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(20).unwrap();
        socket
            .set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap())
            .unwrap();
        socket
            .connect(&format!("tcp://{from}:0;127.0.0.1:{}", self.port))
            .unwrap();
        Dealer(socket)
    }
}

/// The thread of a feed outlives its test unless it is told to end.
impl Drop for Seed {
    fn drop(&mut self) {
        self.life.stop.cancel();
    }
}

struct Dealer(zmq::Socket);

impl Dealer {
    fn sends(&self, frames: &[Bytes]) {
        self.0
            .send_multipart(frames.iter().map(|frame| frame.to_vec()), 0)
            .unwrap();
    }

    fn hears(&self) -> Answer {
        let frames = tokio::task::block_in_place(|| self.0.recv_multipart(0)).expect("the box answers");
        assert_eq!(frames.len(), 1);
        Answer::decode(&frames[0]).unwrap()
    }

    fn asks(&self, frames: &[Bytes]) -> Answer {
        self.sends(frames);
        self.hears()
    }

    fn says_hello(&self) -> Answer {
        self.asks(&[hello(&origin(), me())])
    }
}

fn me() -> BoxId {
    BoxId::of(&secret(1).public())
}

fn hello(by: &SecretKey, to: BoxId) -> Bytes {
    let hello = Hello {
        version: Version,
        to,
        time: now_ms(),
    };
    hello.sign(by)
}

fn frames(chunk: &Chunk) -> [Bytes; 2] {
    [chunk.seal().bytes().clone(), chunk.bytes().clone()]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_origin_pushes_is_stored_and_received() {
    let seed = Seed::of_demo(&["127.0.0.1"]);
    let dealer = seed.dealer("127.0.0.1");
    let (init, first) = (init(&origin()), chunk(&origin(), &demo(1, 0)));
    let poster = poster(&origin(), 1);

    assert_eq!(dealer.says_hello(), Answer::Welcome);
    for pushed in [&init, &first, &first, &poster] {
        assert_eq!(
            dealer.asks(&frames(pushed)),
            Answer::Received(pushed.id().clone())
        );
    }
    let kept = seed.store.chunk(demo(1, 0)).await.unwrap();
    assert_eq!(kept.bytes(), first.bytes());
    assert_eq!(seed.counts.accepted(), (3, 0));

    seed.life.stop.cancel();
    seed.life.tasks.close();
    tokio::time::timeout(PATIENCE, seed.life.tasks.wait())
        .await
        .expect("the thread ends at the stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_an_origin_are_handed_on_and_those_of_others_are_not() {
    let mut seed = Seed::of_demo(&["127.0.0.1"]);
    let dealer = seed.dealer("127.0.0.1");
    let ends = News {
        channel: demo(1, 0).channel,
        epoch: demo(1, 0).epoch,
        turn: Turn::Ends,
    };
    let frames = |by: &SecretKey| [Bytes::from_static(NEWS), ends.sign(by)];
    let early = dealer.asks(&frames(&origin()));
    assert!(matches!(early, Answer::Unwelcome(_)), "{early:?}");
    dealer.says_hello();
    assert_eq!(
        dealer.asks(&frames(&secret(66))),
        Answer::Unheard("forged".into())
    );
    assert_eq!(dealer.asks(&frames(&origin())), Answer::Heard);
    assert_eq!(seed.told.try_recv(), Ok(ends.sign(&origin())));
    assert!(seed.told.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_said_hello_is_not_read() {
    let mut seed = Seed::of_demo(&["127.0.0.1"]);
    let dealer = seed.dealer("127.0.0.1");
    let first = chunk(&origin(), &demo(1, 0));

    assert_eq!(
        dealer.asks(&frames(&first)),
        Answer::Unwelcome("say hello first".into())
    );
    seed.nudged.wait().await;
    for bad in [
        hello(&secret(5), me()),
        hello(&origin(), BoxId::of(&secret(2).public())),
        Bytes::from_static(b"hello"),
    ] {
        assert!(matches!(dealer.asks(&[bad]), Answer::Unwelcome(_)));
    }
    assert!(matches!(dealer.asks(&frames(&first)), Answer::Unwelcome(_)));
    assert_eq!(seed.store.held().await.len(), 0);

    assert_eq!(dealer.says_hello(), Answer::Welcome);
    assert_eq!(dealer.asks(&frames(&first)), Answer::Received(demo(1, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_genuine_is_refused_with_the_reason() {
    let mut seed = Seed::of_demo(&["127.0.0.1"]);
    let dealer = seed.dealer("127.0.0.1");
    assert_eq!(dealer.says_hello(), Answer::Welcome);
    let genuine = chunk(&origin(), &demo(1, 0));
    let refused = |reason: &str| Answer::Refused(demo(1, 0), reason.into());

    let forged = chunk(&secret(5), &demo(1, 0));
    assert_eq!(dealer.asks(&frames(&forged)), refused("forged"));
    let mut flipped = genuine.bytes().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let [seal, _] = frames(&genuine);
    assert_eq!(dealer.asks(&[seal.clone(), flipped.into()]), refused("damaged"));
    let [_, other] = frames(&chunk(&origin(), &demo(1, 1)));
    assert_eq!(dealer.asks(&[seal.clone(), other]), refused("unexpected"));
    assert_eq!(
        dealer.asks(&[seal, Bytes::from_static(b"bytes")]),
        refused("malformed")
    );

    let unknown = wire::id::ChunkId {
        channel: "other".parse().unwrap(),
        ..demo(1, 0)
    };
    let stranger = chunk(&origin(), &unknown);
    assert_eq!(
        dealer.asks(&frames(&stranger)),
        Answer::Refused(unknown, "unknown-channel".into())
    );
    seed.nudged.wait().await;

    assert_eq!(seed.store.held().await.len(), 0);
    assert_eq!(dealer.asks(&frames(&genuine)), Answer::Received(demo(1, 0)));
    assert_eq!(seed.counts.refusals().values().sum::<u64>(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_too_many_frames_is_refused_and_the_feed_goes_on() {
    let seed = Seed::of_demo(&["127.0.0.1"]);
    let dealer = seed.dealer("127.0.0.1");
    assert_eq!(dealer.says_hello(), Answer::Welcome);
    let frame = Bytes::from_static(b"frame");
    assert!(matches!(
        dealer.asks(&[frame.clone(), frame.clone(), frame.clone()]),
        Answer::Unwelcome(_)
    ));

    // Past bound: not even answered.
    dealer.sends(&vec![frame; 100]);
    assert_eq!(dealer.says_hello(), Answer::Welcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_origins_is_turned_away_until_a_tracker_names_it() {
    let seed = Seed::of_demo(&["127.0.0.1"]);
    let stranger = seed.dealer("127.0.0.2");
    stranger.sends(&[hello(&origin(), me())]);
    let witness = seed.dealer("127.0.0.1");
    assert_eq!(witness.says_hello(), Answer::Welcome);
    stranger.0.set_rcvtimeo(300).unwrap();
    assert!(stranger.0.recv_multipart(0).is_err(), "it was let in");

    // The same socket comes in once the address is known: its library tries again by itself.
    seed.hears_of_demo(&["127.0.0.1", "127.0.0.2"]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if stranger.0.recv_multipart(0).is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "it was never let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_tracker_answered_nobody_comes_in() {
    let seed = Seed::alone();
    let dealer = seed.dealer("127.0.0.1");
    dealer.sends(&[hello(&origin(), me())]);
    dealer.0.set_rcvtimeo(300).unwrap();
    assert!(dealer.0.recv_multipart(0).is_err(), "it was let in");

    seed.hears_of_demo(&["127.0.0.1"]);
    dealer
        .0
        .set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap())
        .unwrap();
    assert_eq!(dealer.hears(), Answer::Welcome);
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_the_setting_that_moves_it() {
    let bound = Bound::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Bound::listen(bound.address()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("--zmq"), "{error}");
}
