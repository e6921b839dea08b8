//! A box: a real ROUTER that verifies what it is sent, and does with it what the test says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use wire::chunk::{Chunk, SealedChunk};
use wire::feed::{Answer, FromOrigin, Hello};
use wire::id::{BoxId, ChunkId};
use wire::key::PublicKey;
use wire::news::News;
use wire::presentation::Seed;

const PATIENCE: Duration = Duration::from_secs(15);
const NAP_MILLIS: i64 = 10;

pub(crate) struct ABox {
    id: BoxId,
    address: String,
    inner: Arc<Inner>,
}

struct Inner {
    keys: Vec<PublicKey>,
    /// Everything verified, in the order in which it came; also what came twice.
    received: watch::Sender<Vec<Chunk>>,
    /// What it was told of epochs.
    news: watch::Sender<Vec<News>>,
    /// Who said hello.
    known: Mutex<BTreeSet<Vec<u8>>>,
    mute: AtomicBool,
    /// Whether it has not heard of any channel yet.
    ignorant: AtomicBool,
    gone: AtomicBool,
}

impl ABox {
    pub(crate) fn start(number: u8, key: PublicKey) -> Self {
        let id = BoxId::from_bytes([number; 16]);
        let socket = zmq::Context::new().socket(zmq::ROUTER).unwrap();
        socket.bind("tcp://127.0.0.1:*").unwrap();
        let address = socket.get_last_endpoint().unwrap().unwrap();
        let inner = Arc::new(Inner {
            keys: vec![key],
            received: watch::Sender::default(),
            news: watch::Sender::default(),
            known: Mutex::default(),
            mute: AtomicBool::new(false),
            ignorant: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        });
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            while !shared.gone.load(Ordering::Relaxed) {
                if socket.poll(zmq::POLLIN, NAP_MILLIS).unwrap() > 0 {
                    let mut frames = socket.recv_multipart(0).unwrap();
                    let who = frames.remove(0);
                    let answer = shared.answer(id, &who, frames);
                    if !shared.mute.load(Ordering::Relaxed) {
                        socket.send_multipart([&who[..], &answer.encode()], 0).unwrap();
                    }
                }
            }
        });
        Self { id, address, inner }
    }

    pub(crate) fn seed(&self) -> Seed {
        Seed {
            id: self.id,
            zmq: self.address.clone(),
        }
    }

    /// Takes what comes, and answers nothing any more.
    pub(crate) fn fall_silent(&self) {
        self.inner.mute.store(true, Ordering::Relaxed);
    }

    /// Refuses every channel, as a box does that the tracker has told of none; or does so no longer.
    pub(crate) fn set_ignorant(&self, ignorant: bool) {
        self.inner.ignorant.store(ignorant, Ordering::Relaxed);
    }

    /// Forgets who said hello, as if it had been started anew.
    pub(crate) fn forget(&self) {
        self.inner.known.lock().unwrap().clear();
    }

    /// The news that came so far, once there are so many.
    pub(crate) async fn is_told(&self, count: usize) -> Vec<News> {
        let mut news = self.inner.news.subscribe();
        let told = tokio::time::timeout(PATIENCE, news.wait_for(|news| news.len() >= count)).await;
        told.expect("it is told").unwrap().clone()
    }

    /// All chunks that came so far, once they are as they should be.
    pub(crate) async fn has(&self, what: &str, wanted: impl Fn(&[ChunkId]) -> bool) -> Vec<ChunkId> {
        let ids = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.id().clone()).collect::<Vec<_>>();
        let mut received = self.inner.received.subscribe();
        let found = tokio::time::timeout(PATIENCE, received.wait_for(|chunks| wanted(&ids(chunks)))).await;
        match found {
            Ok(chunks) => ids(&chunks.unwrap()),
            Err(late) => panic!(
                "{late}: never had {what}, but {:?}",
                ids(&self.inner.received.borrow())
            ),
        }
    }
}

impl Drop for ABox {
    fn drop(&mut self) {
        self.inner.gone.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    fn answer(&self, id: BoxId, who: &[u8], frames: Vec<Vec<u8>>) -> Answer {
        let frames = frames.into_iter().map(Bytes::from).collect();
        match FromOrigin::parse(frames).unwrap() {
            FromOrigin::Hello(hello) => {
                assert_eq!(Hello::open(&hello, &self.keys).unwrap().to, id);
                self.known.lock().unwrap().insert(who.into());
                Answer::Welcome
            }
            FromOrigin::Chunk(..) | FromOrigin::News(_) if !self.known.lock().unwrap().contains(who) => {
                Answer::Unwelcome("who are you?".into())
            }
            FromOrigin::News(news) => {
                let news = News::open(&news, &self.keys).unwrap();
                self.news.send_modify(|told| told.push(news));
                Answer::Heard
            }
            FromOrigin::Chunk(seal, bytes) => {
                let record = seal.open(&self.keys).unwrap();
                if self.ignorant.load(Ordering::Relaxed) {
                    return Answer::Refused(record.id, "unknown-channel".into());
                }
                let chunk = SealedChunk::new(bytes).open(&record.id, &self.keys).unwrap();
                self.received.send_modify(|received| received.push(chunk));
                Answer::Received(record.id)
            }
        }
    }
}
