//! A box that speaks the exchange as it likes.

use bytes::{Bytes, BytesMut};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{PeerId, Stream, Swarm};
use program::lifecycle::Lifecycle;
use tokio::sync::{mpsc, oneshot};
use wire::chunk::Chunk;
use wire::exchange::{Answer, MAX_WORD_BYTES, Want, WantNumber, Word};
use wire::id::ChunkId;
use wire::parts::Parts;

use super::super::behaviour::{self, Behaviour, peer_of};
use super::super::codec::read_frame;
use super::super::talk::EXCHANGE;
use super::{Member, PATIENCE};
use crate::samples::secret;

/// A box that promises these chunks, and answers wants with the parts that `gives` says, or not at all.
pub(super) async fn speaker(
    number: u8,
    promises: &[Chunk],
    gives: impl Fn(&ChunkId) -> Option<Vec<Bytes>> + Send + Sync + 'static,
    to: &Member,
) {
    let mut stranger = Stranger::beside(number, to).await;
    let seals = promises.iter().map(|chunk| chunk.seal().clone()).collect();
    stranger.says(Word::Have(seals)).await;
    let tasks = stranger.life.tasks.clone();
    tasks.spawn(async move {
        while let Some(word) = stranger.hears().await {
            let Word::Want(want) = word else { continue };
            let Some(parts) = gives(&want.id) else { continue };
            stranger.says(Word::Answer(want.number, Answer::Here)).await;
            for part in parts {
                stranger.says(Word::Part(want.number, part)).await;
            }
        }
    });
}

/// All parts of a chunk, as they travel.
pub(super) fn parts_of(chunk: &Chunk) -> Vec<Bytes> {
    let parts = Parts::of(chunk);
    (0..parts.count())
        .filter_map(|number| parts.get(number).cloned())
        .collect()
}

pub(super) async fn dials(number: u8, to: &Member, life: &Lifecycle) -> (Swarm<Behaviour>, PeerId) {
    let any = "127.0.0.1:0".parse().unwrap();
    let secret = secret(number);
    let listens = tokio::time::timeout(PATIENCE, behaviour::listen(&secret, any, &life.tasks));
    let (mut swarm, _) = listens.await.expect("a port").unwrap();
    let peer = peer_of(&to.secret.public()).unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", to.address.port())
        .parse()
        .unwrap();
    swarm
        .dial(DialOpts::peer_id(peer).addresses(vec![address]).build())
        .unwrap();
    (swarm, peer)
}

/// A stranger that is connected, with a stream each way.
pub(super) struct Stranger {
    life: Lifecycle,
    speaks: Stream,
    heard: mpsc::Receiver<Word>,
    pub(super) next_want: WantNumber,
}

impl Stranger {
    pub(super) async fn beside(number: u8, to: &Member) -> Self {
        let life = Lifecycle::default();
        let (mut swarm, peer) = Box::pin(dials(number, to, &life)).await;
        let mut control = swarm.behaviour().exchange.new_control();
        let mut streams = control.accept(EXCHANGE).unwrap();
        let (connected, is_connected) = oneshot::channel();
        let mut connected = Some(connected);
        let stop = life.stop.clone();
        life.tasks.spawn(stop.run_until_cancelled_owned(async move {
            loop {
                if let SwarmEvent::ConnectionEstablished { .. } = swarm.select_next_some().await
                    && let Some(connected) = connected.take()
                {
                    let _ = connected.send(());
                }
            }
        }));
        let connects = tokio::time::timeout(PATIENCE, is_connected);
        connects.await.expect("a way to it").unwrap();
        let (hear, heard) = mpsc::channel(64);
        let (tasks, stop) = (life.tasks.clone(), life.stop.clone());
        life.tasks.spawn(stop.run_until_cancelled_owned(async move {
            while let Some((_, stream)) = streams.next().await {
                tasks.spawn(listens(stream, hear.clone()));
            }
        }));
        let speaks = async {
            loop {
                let mut stream = control.open_stream(peer, EXCHANGE).await.expect("a connection");
                // One that came at the same moment as another is dropped.
                if stream.read_exact(&mut [0; 1]).await.is_ok() {
                    break stream;
                }
            }
        };
        let speaks = tokio::time::timeout(PATIENCE, speaks).await.expect("a listener");
        Self {
            life,
            speaks,
            heard,
            next_want: 0,
        }
    }

    /// It fails once this stranger is banned.
    pub(super) async fn says(&mut self, word: Word) {
        let mut frame = BytesMut::new();
        word.frame(&mut frame);
        let says = async {
            let _ = self.speaks.write_all(&frame).await;
            let _ = self.speaks.flush().await;
        };
        tokio::time::timeout(PATIENCE, says).await.expect("an end");
    }

    pub(super) async fn hears(&mut self) -> Option<Word> {
        self.heard.recv().await
    }

    async fn wants(&mut self, id: ChunkId, here: u16) -> WantNumber {
        let number = self.next_want;
        self.next_want += 1;
        let want = Want {
            number,
            id,
            here,
            hands_on: true,
        };
        self.says(Word::Want(want)).await;
        number
    }

    /// What is answered to a want, and so many parts of it.
    pub(super) async fn asks(&mut self, id: ChunkId, here: u16, parts: usize) -> (Answer, Vec<Bytes>) {
        let number = self.wants(id, here).await;
        let asks = async {
            let mut came = Vec::new();
            let mut answered = None;
            loop {
                match self.hears().await.expect("a reply") {
                    Word::Answer(to, answer) if to == number => answered = Some(answer),
                    Word::Part(to, part) if to == number => came.push(part),
                    _ => {}
                }
                match answered {
                    Some(Answer::Here) if came.len() < parts => {}
                    Some(answer) => break (answer, came),
                    None => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, asks).await.expect("an answer")
    }
}

/// Hears what it is told on one stream.
async fn listens(mut stream: Stream, hear: mpsc::Sender<Word>) {
    let _ = stream.write_all(&[0]).await;
    let _ = stream.flush().await;
    while let Ok(Ok(frame)) = read_frame(&mut stream, "word", MAX_WORD_BYTES).await {
        let _ = hear.send(Word::decode(&frame).expect("boxes say words")).await;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.life.stop.cancel();
    }
}
